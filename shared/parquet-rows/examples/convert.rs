//! Writes the rows of a `train.jsonl` into a Parquet file: `convert TRAIN_FILE PARQUET_FILE`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter};

use resonare_consumers::MessageRef;
use resonare_parquet_rows::ParquetWriter;
use serde_json::Value;

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, parquet] = arguments.as_slice() else {
        return Err("usage: convert TRAIN_FILE PARQUET_FILE".into());
    };
    let mut writer = ParquetWriter::new(BufWriter::new(File::create(parquet)?), None)?;
    for line in BufReader::new(File::open(train)?).lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let messages: Option<Vec<_>> = row["messages"].as_array().map(|messages| {
            let text =
                |message: &'_ Value, key| message[key].as_str().unwrap_or_default().to_owned();
            let pair = |message| (text(message, "role"), text(message, "content"));
            messages.iter().map(pair).collect()
        });
        let messages = messages.ok_or("a row has no messages")?;
        let messages: Vec<_> = messages
            .iter()
            .map(|(role, content)| MessageRef::new(role, content))
            .collect();
        writer.row(&messages)?;
    }
    writer.finish()?.into_inner()?;
    Ok(())
}
