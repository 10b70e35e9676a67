//! Rows that are written and read back, and files that can't be read.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

use std::fs::File;
use std::io::{Seek as _, Write as _};

use proptest::prelude::*;
use resonare_consumers::{Flag, MessageRef, messages_line};
use resonare_parquet_rows::{ParquetWriter, ReadError, for_each_row};

/// A file with these bytes.
fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn written(rows: &[Vec<MessageRef<'_>>], flag: Option<Flag>) -> Vec<u8> {
    let mut writer = ParquetWriter::new(Vec::new(), flag).unwrap();
    for row in rows {
        writer.row(row).unwrap();
    }
    writer.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Vec<String>, ReadError> {
    let mut rows = Vec::new();
    for_each_row(file(bytes), |row| {
        rows.push(String::from_utf8(row.to_vec()).unwrap());
    })?;
    Ok(rows)
}

/// The rows as a file of lines has them.
fn lines(rows: &[Vec<MessageRef<'_>>], flag: Option<Flag>) -> Vec<String> {
    let line = |messages: &Vec<MessageRef<'_>>| {
        let mut line = Vec::new();
        messages_line(messages, flag, &mut line);
        String::from_utf8(line).unwrap().trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

const FLAGS: [Option<Flag>; 4] = [
    None,
    Some(Flag::Weight),
    Some(Flag::AssistantWeight),
    Some(Flag::Train),
];

proptest! {
    #[test]
    fn rows_are_read_as_the_lines_that_they_would_be(
        contents in prop::collection::vec(prop::collection::vec(".{0,20}", 0..6), 0..8)
    ) {
        let roles = ["system", "user", "assistant"].into_iter().cycle();
        let rows: Vec<Vec<_>> = contents
            .iter()
            .map(|row| {
                let messages = roles.clone().zip(row);
                messages.map(|(role, content)| MessageRef::new(role, content)).collect()
            })
            .collect();
        for flag in FLAGS {
            prop_assert_eq!(read(&written(&rows, flag)).unwrap(), lines(&rows, flag));
        }
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let row = vec![MessageRef::new("user", "hi"), MessageRef::new("assistant", "hey")];
        let mut bytes = written(&vec![row; 3], Some(Flag::Weight));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        // Either is right, as long as it ends.
        drop(read(&bytes));
    }
}

#[test]
fn many_rows_become_groups_that_are_written_as_they_fill() {
    /// Notes how much is written before the end.
    struct Counted(usize);
    impl std::io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    // What can't be compressed well: each text is another.
    let mut writer = ParquetWriter::new(Counted(0), None).unwrap();
    let mut text = String::new();
    for number in 0..40_000_u64 {
        text.clear();
        for part in 0..20 {
            text.push_str(
                &(number * 7919 + part)
                    .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                    .to_string(),
            );
        }
        writer.row(&[MessageRef::new("user", &text)]).unwrap();
    }
    let written = writer.written().0;
    assert!(written > 4 << 20, "{written}");
}

#[test]
fn other_columns_are_passed_over_and_their_names_said_where_none_has_messages() {
    let bytes = written(&[vec![MessageRef::new("user", "hi")]], None);
    let renamed = |name: &[u8; 8]| {
        let mut bytes = bytes.clone();
        for at in 0..bytes.len() - 8 {
            if &bytes[at..at + 8] == b"messages" {
                bytes[at..at + 8].copy_from_slice(name);
            }
        }
        bytes
    };
    let error = read(&renamed(b"messagex")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the file has no column `messages` or `conversations`, only messagex"
    );
}

#[test]
fn what_is_no_parquet_is_refused() {
    for bytes in [&b""[..], b"PAR1", b"PAR1 and then nothing PAR1"] {
        assert!(matches!(read(bytes), Err(ReadError::Invalid(_))));
    }
}
