//! Choices about files: what is read, and where outputs go.

use resonare_pipeline::named_values;

/// What `prepare` reads when no path is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputMode {
    /// `input.file`.
    File,
    /// `input.dir`.
    Dir,
}

/// Where outputs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputMode {
    /// A folder below `output.local_dir`.
    Local,
    /// The bucket `output.s3_bucket`.
    S3,
}

/// When `raw.json` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawOutput {
    /// Only where outputs go to S3.
    S3,
    /// Wherever outputs go.
    Always,
    /// Nowhere.
    Never,
}

named_values!(InputMode { File = "file", Dir = "dir" });
named_values!(OutputMode { Local = "local", S3 = "s3" });
named_values!(RawOutput { S3 = "s3", Always = "always", Never = "never" });

impl RawOutput {
    /// Whether `raw.json` is written to a place, which is on S3 or not.
    pub fn is_written(self, on_s3: bool) -> bool {
        match self {
            Self::S3 => on_s3,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_copy_is_written_where_it_is_wanted() {
        let written = |raw: RawOutput| [false, true].map(|on_s3| raw.is_written(on_s3));
        assert_eq!(written(RawOutput::S3), [false, true]);
        assert_eq!(written(RawOutput::Always), [true, true]);
        assert_eq!(written(RawOutput::Never), [false, false]);
    }
}
