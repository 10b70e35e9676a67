//! Values that were passed over whole, told apart by how they are written.

use super::span::StringSpan;

/// A value as written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'a> {
    /// `null`, or no value at all.
    Null,
    String(StringSpan<'a>),
    Number(&'a str),
    /// `true`, `false`, a list or an object.
    Other,
}

impl<'a> Scalar<'a> {
    /// What a value is that [`super::value::skip`] has passed over, if there was one.
    #[inline]
    pub(crate) fn of(value: Option<&'a [u8]>) -> Self {
        match value {
            None | Some(b"null") => Self::Null,
            Some([b'"', bytes @ .., b'"']) => Self::String(StringSpan {
                bytes,
                escaped: None,
            }),
            Some(number @ [b'-' | b'0'..=b'9', ..]) => {
                std::str::from_utf8(number).map_or(Self::Other, Self::Number)
            }
            Some(_) => Self::Other,
        }
    }
}
