//! Reading rows, as the JSON objects that they would be in a file of lines.

use std::fs::File;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

/// The columns that hold messages, the first that there is.
const COLUMNS: [&str; 2] = ["messages", "conversations"];

/// Why a Parquet file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No column holds messages.
    #[error("the file has no column `messages` or `conversations`, only {}", .0.join(", "))]
    NoMessages(Vec<String>),
    /// A compression that this crate is built without.
    #[error("the file is compressed with {0}; write it with Snappy, gzip or no compression")]
    Compression(String),
    /// It is damaged, or not Parquet at all.
    #[error("the file is not valid Parquet")]
    Invalid(#[source] ParquetError),
    /// It is damaged in a way that the library doesn't foresee.
    #[error("the file is not valid Parquet: its pages contradict its description")]
    Inconsistent,
}

/// Whether a file that begins so is a Parquet file.
pub fn is_parquet(beginning: &[u8]) -> bool {
    beginning.starts_with(b"PAR1")
}

/// Calls `each` with every row as a JSON object that has the messages alone, with the names that they
/// have in the file. What is null is left out.
///
/// # Errors
/// If the file can't be read, or has no messages.
pub fn for_each_row(file: File, mut each: impl FnMut(&[u8])) -> Result<(), ReadError> {
    let reader = guarded(|| SerializedFileReader::new(file))?;
    check_compression(&reader)?;
    let schema = messages_schema(reader.metadata().file_metadata().schema())?;
    let mut rows = guarded(|| RowIter::from_file(Some(schema), &reader))?;
    let mut json = Vec::new();
    while let Some(row) = guarded(|| rows.next().transpose())? {
        json.clear();
        push_row(&row, &mut json);
        each(&json);
    }
    Ok(())
}

/// Calls the library, which panics where pages or offsets contradict each other.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ReadError> {
    // What is left half changed is dropped with the error.
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    result
        .map_err(|_| ReadError::Inconsistent)?
        .map_err(ReadError::Invalid)
}

fn check_compression(reader: &SerializedFileReader<File>) -> Result<(), ReadError> {
    let groups = reader.metadata().row_groups();
    let columns = groups.iter().flat_map(RowGroupMetaData::columns);
    for compression in columns.map(ColumnChunkMetaData::compression) {
        match compression {
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) => {}
            other => {
                let name = format!("{other:?}");
                let name = name.split('(').next().unwrap_or_default();
                return Err(ReadError::Compression(name.to_owned()));
            }
        }
    }
    Ok(())
}

/// The part of the schema that is read.
fn messages_schema(schema: &Type) -> Result<Type, ReadError> {
    let fields = schema.get_fields();
    let column = COLUMNS
        .iter()
        .find_map(|name| fields.iter().find(|field| field.name() == *name));
    let Some(column) = column else {
        let names = fields.iter().map(|field| field.name().to_owned());
        return Err(ReadError::NoMessages(names.collect()));
    };
    Type::group_type_builder(schema.name())
        .with_fields(vec![Arc::clone(column)])
        .build()
        .map_err(ReadError::Invalid)
}

fn push_row(row: &Row, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut is_first = true;
    for (name, field) in row.get_column_iter() {
        if matches!(field, Field::Null) {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        push_string(name, out);
        out.push(b':');
        push_field(field, out);
    }
    out.push(b'}');
}

fn push_field(field: &Field, out: &mut Vec<u8>) {
    match field {
        Field::Null => out.extend_from_slice(b"null"),
        Field::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Field::Byte(value) => push_integer(*value, out),
        Field::Short(value) => push_integer(*value, out),
        Field::Int(value) => push_integer(*value, out),
        Field::Long(value) => push_integer(*value, out),
        Field::UByte(value) => push_integer(*value, out),
        Field::UShort(value) => push_integer(*value, out),
        Field::UInt(value) => push_integer(*value, out),
        Field::Str(value) => push_string(value, out),
        Field::Group(row) => push_row(row, out),
        Field::ListInternal(list) => {
            out.push(b'[');
            for (index, element) in list.elements().iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                push_field(element, out);
            }
            out.push(b']');
        }
        // Nothing that a message is made of: whatever it stands for, it is neither text nor a weight.
        Field::ULong(_)
        | Field::Float16(_)
        | Field::Float(_)
        | Field::Double(_)
        | Field::Decimal(_)
        | Field::Bytes(_)
        | Field::Date(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::TimestampMillis(_)
        | Field::TimestampMicros(_)
        | Field::MapInternal(_) => out.extend_from_slice(b"{}"),
    }
}

fn push_integer(value: impl Into<i64>, out: &mut Vec<u8>) {
    out.extend_from_slice(value.into().to_string().as_bytes());
}

fn push_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a string can be written to memory");
}
