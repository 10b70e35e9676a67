//! What is read as meant although it is not JSON: counted, and corrected in `raw.json`.

use serde::Serialize;

/// How often each known defect of an export was mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mends {
    /// A UTF-8 byte order mark at the start of the input was skipped.
    #[serde(skip_serializing_if = "is_zero")]
    pub byte_order_mark: u64,
    /// A plain value's key occurred twice in one object; the last value counts.
    #[serde(skip_serializing_if = "is_zero")]
    pub duplicate_key: u64,
    /// `\xHH` in a string, as tdesktop's `SerializeString` writes control bytes.
    #[serde(skip_serializing_if = "is_zero")]
    pub hex_escape: u64,
    /// A raw byte below U+0020 in a string.
    #[serde(skip_serializing_if = "is_zero")]
    pub raw_control_byte: u64,
    /// Half of a `\uD800`-`\uDFFF` pair; read as U+FFFD.
    #[serde(skip_serializing_if = "is_zero")]
    pub unpaired_surrogate: u64,
    /// A `document_id` without quotes, as tdesktop 4.0.4 to 4.1.1 wrote it.
    #[serde(skip_serializing_if = "is_zero")]
    pub unquoted_document_id: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Mends {
    pub(crate) fn add(&mut self, other: &Self) {
        self.byte_order_mark += other.byte_order_mark;
        self.duplicate_key += other.duplicate_key;
        self.hex_escape += other.hex_escape;
        self.raw_control_byte += other.raw_control_byte;
        self.unpaired_surrogate += other.unpaired_surrogate;
        self.unquoted_document_id += other.unquoted_document_id;
    }
}

/// A replacement that makes a range of the input valid JSON.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    /// Offset in the input of the first byte that is replaced.
    pub(crate) at: u64,
    /// How many bytes are replaced.
    pub(crate) remove: usize,
    /// What replaces them.
    pub(crate) insert: String,
}

/// The mends of one input so far, with their edits where a raw copy is made.
#[derive(Debug, Default)]
pub(crate) struct MendLog {
    pub(crate) counts: Mends,
    pub(crate) edits: Vec<Edit>,
    pub(crate) keep_edits: bool,
}

/// A point to return to when an attempt ran out of bytes and will be made again.
pub(crate) struct LogMark {
    counts: Mends,
    edits: usize,
}

impl MendLog {
    pub(crate) fn mark(&self) -> LogMark {
        LogMark {
            counts: self.counts,
            edits: self.edits.len(),
        }
    }

    pub(crate) fn roll_back(&mut self, mark: &LogMark) {
        self.counts = mark.counts;
        self.edits.truncate(mark.edits);
    }

    pub(crate) fn edit(&mut self, at: u64, remove: usize, insert: impl FnOnce() -> String) {
        if self.keep_edits {
            self.edits.push(Edit {
                at,
                remove,
                insert: insert(),
            });
        }
    }
}
