//! Writing rows, a row group in memory at a time.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, Type};
use resonare_consumers::{Flag, MessageRef};

/// Large enough to compress well, small enough to hold in memory.
const ROW_GROUP_BYTES: usize = 8 << 20;

// A value's definition level says how much of its path is there: nothing where a row has no messages.
const NO_MESSAGE: i16 = 0;
const IN_MESSAGE: i16 = 1;
const WITH_FLAG: i16 = 2;

/// Writes a Parquet file with the column `messages`.
///
/// ```
/// use resonare_consumers::MessageRef;
/// use resonare_parquet_rows::{ParquetWriter, is_parquet};
///
/// let mut writer = ParquetWriter::new(Vec::new(), None)?;
/// writer.row(&[MessageRef::new("user", "hi"), MessageRef::new("assistant", "hey")])?;
/// let file = writer.finish()?;
/// assert!(is_parquet(&file));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    flag: Option<Flag>,
    group: RowGroup,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file. Where a flag is given, each message says in its field whether it is learned.
    ///
    /// # Errors
    /// If `out` can't be written to.
    pub fn new(out: W, flag: Option<Flag>) -> io::Result<Self> {
        let file = SerializedFileWriter::new(out, schema(flag), Arc::new(properties()));
        Ok(Self {
            file: file.map_err(io_error)?,
            flag,
            group: RowGroup::default(),
        })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// If `out` can't be written to.
    pub fn row(&mut self, messages: &[MessageRef<'_>]) -> io::Result<()> {
        self.group.push(messages, self.flag);
        if self.group.bytes() < ROW_GROUP_BYTES {
            return Ok(());
        }
        self.write_group()
    }

    /// Writes what is left and the end of the file, without which it can't be read.
    ///
    /// # Errors
    /// If `out` can't be written to.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.group.repetition.is_empty() {
            self.write_group()?;
        }
        self.file.into_inner().map_err(io_error)
    }

    /// What is written to.
    pub fn written(&self) -> &W {
        self.file.inner()
    }

    fn write_group(&mut self) -> io::Result<()> {
        let group = std::mem::take(&mut self.group);
        let writer = self.file.next_row_group().map_err(io_error)?;
        group.write(writer, self.flag).map_err(io_error)
    }
}

fn schema(flag: Option<Flag>) -> Arc<Type> {
    let flag = match flag {
        None => "",
        Some(Flag::Weight) => "required int64 weight;",
        Some(Flag::AssistantWeight) => "optional int64 weight;",
        Some(Flag::Train) => "required boolean train;",
    };
    let text = format!(
        "message schema {{
            required group messages (LIST) {{
                repeated group list {{
                    required group element {{
                        required binary role (STRING);
                        required binary content (STRING);
                        {flag}
                    }}
                }}
            }}
        }}"
    );
    Arc::new(parse_message_type(&text).expect("the schema is well-formed"))
}

fn properties() -> WriterProperties {
    let content = ["messages", "list", "element", "content"].map(str::to_owned);
    WriterProperties::builder()
        .set_created_by("resonare".to_owned())
        .set_compression(Compression::SNAPPY)
        // The least and the greatest text of a chat help nobody to find a row.
        .set_statistics_enabled(EnabledStatistics::None)
        // Few texts come twice.
        .set_column_dictionary_enabled(ColumnPath::new(content.to_vec()), false)
        .build()
}

/// The rows of one group.
#[derive(Default)]
struct RowGroup {
    /// 0 where a row begins, 1 in it.
    repetition: Vec<i16>,
    definition: Vec<i16>,
    roles: Texts,
    contents: Texts,
    flags: Vec<bool>,
    /// As `definition`, where some messages have no flag.
    flag_definition: Vec<i16>,
}

impl RowGroup {
    fn bytes(&self) -> usize {
        self.contents.bytes.len() + self.roles.bytes.len() + 4 * self.repetition.len()
    }

    fn push(&mut self, messages: &[MessageRef<'_>], flag: Option<Flag>) {
        if messages.is_empty() {
            self.repetition.push(0);
            self.definition.push(NO_MESSAGE);
            self.flag_definition.push(NO_MESSAGE);
        }
        for (index, message) in messages.iter().enumerate() {
            self.repetition.push(i16::from(index > 0));
            self.definition.push(IN_MESSAGE);
            self.roles.push(message.role);
            self.contents.push(message.content);
            let has_flag = flag != Some(Flag::AssistantWeight) || message.role == "assistant";
            if has_flag {
                self.flags.push(message.learned);
            }
            self.flag_definition
                .push(if has_flag { WITH_FLAG } else { IN_MESSAGE });
        }
    }

    fn write<W: Write + Send>(
        self,
        mut writer: SerializedRowGroupWriter<'_, W>,
        flag: Option<Flag>,
    ) -> Result<(), ParquetError> {
        let levels = Levels {
            definition: &self.definition,
            repetition: &self.repetition,
        };
        levels.write::<ByteArrayType, _>(&mut writer, &self.roles.into_values())?;
        levels.write::<ByteArrayType, _>(&mut writer, &self.contents.into_values())?;
        let weights = || self.flags.iter().map(|&learned| i64::from(learned));
        match flag {
            None => {}
            Some(Flag::Train) => levels.write::<BoolType, _>(&mut writer, &self.flags)?,
            Some(Flag::Weight) => {
                levels.write::<Int64Type, _>(&mut writer, &weights().collect::<Vec<_>>())?;
            }
            Some(Flag::AssistantWeight) => {
                let levels = Levels {
                    definition: &self.flag_definition,
                    ..levels
                };
                levels.write::<Int64Type, _>(&mut writer, &weights().collect::<Vec<_>>())?;
            }
        }
        writer.close()?;
        Ok(())
    }
}

/// Where in the rows the values of a column stand.
struct Levels<'a> {
    definition: &'a [i16],
    repetition: &'a [i16],
}

impl Levels<'_> {
    fn write<T: DataType, W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        values: &[T::T],
    ) -> Result<(), ParquetError> {
        let mut column = group
            .next_column()?
            .expect("the schema has a column for each field");
        column
            .typed::<T>()
            .write_batch(values, Some(self.definition), Some(self.repetition))?;
        column.close()
    }
}

/// Texts end to end: one allocation for many.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len());
    }

    fn into_values(self) -> Vec<ByteArray> {
        let bytes = Bytes::from(self.bytes);
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins
            .zip(&self.ends)
            .map(|(begin, &end)| ByteArray::from(bytes.slice(begin..end)))
            .collect()
    }
}

/// The error of the file that was written to, where it is one.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}
