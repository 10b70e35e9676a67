//! What a tar archive says of a file before its header, where that has no room for it.

/// What is said of a file before its header.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TarExtension {
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    /// Whether only some of the file is stored.
    pub(crate) is_sparse: bool,
}

impl TarExtension {
    /// Reads records of the form `10 size=3` with a line feed, each of the length that it says: values may have
    /// line feeds of their own. `None` if they have another form.
    pub(crate) fn read_records(&mut self, mut records: &[u8]) -> Option<()> {
        while !records.is_empty() {
            let space = records.iter().position(|byte| *byte == b' ')?;
            let length: usize = number(&records[..space])?;
            let (record, rest) = records.split_at_checked(length)?;
            let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            self.set(&record[..equals], &record[equals + 1..])?;
            records = rest;
        }
        Some(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"path" => self.name = Some(value.to_vec()),
            b"size" => self.size = Some(number(value)?),
            key => self.is_sparse |= key.starts_with(b"GNU.sparse."),
        }
        Some(())
    }

    /// Sets the name, which a zero byte may end.
    pub(crate) fn set_name(&mut self, name: &[u8]) {
        self.name = Some(name.strip_suffix(b"\0").unwrap_or(name).to_vec());
    }
}

fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &[u8]) -> Option<TarExtension> {
        let mut extension = TarExtension::default();
        extension.read_records(records).map(|()| extension)
    }

    #[test]
    fn records_are_as_long_as_they_say() {
        let found = read(b"28 comment=line\n11 size=999\n10 size=3\n15 path=a.json\n").unwrap();
        assert_eq!(found.size, Some(3));
        assert_eq!(found.name.as_deref(), Some(&b"a.json"[..]));
        assert!(!found.is_sparse);
        assert!(read(b"22 GNU.sparse.major=1\n").unwrap().is_sparse);
    }

    #[test]
    fn other_records_are_damaged() {
        for records in [
            &b"size=3\n"[..],
            b"99 size=3\n",
            b"2 size=3\n",
            b"10 size=3 ",
            b"10 size=x\n",
            b"18446744073709551616 size=3\n",
            b"0 size=3\n",
        ] {
            assert_eq!(read(records), None, "{}", records.escape_ascii());
        }
    }
}
