//! Counting a text by itself and as a line of a message in one go: only the pieces at its ends differ.
//!
//! Pieces are found from left to right, and none depends on what comes before it. So the two ways of splitting agree
//! from the first place on where a piece ends in both. A line feed after a text can change its last piece, and those of
//! white space that it ends with, whose patterns look ahead to the end of such a run; no other pattern looks for one
//! beyond its piece. That holds for each pattern of [`super::splitting`], and for what [`super::joins`] cuts.

use std::ops::Range;

use resonare_pipeline::{LineTokens, TextTokens};

/// What splits texts into pieces and counts these.
pub(crate) trait Pieces {
    /// Whether each line feed between lines is a token, whatever is around it.
    fn cuts_line_feeds(&self) -> bool;

    /// Where the piece of `text` ends that begins at `at`. `segment_end` is where the last call left it, for those who
    /// split texts in segments first; zero at the beginning.
    fn end(&self, text: &str, at: usize, segment_end: &mut usize) -> usize;

    /// The tokens of a piece of `text`.
    fn tokens(&mut self, text: &str, piece: Range<usize>) -> u32;
}

/// A line with the beginning of the next one: delimiter, space, text, line feed, delimiter. Filled again for each
/// line.
#[derive(Debug, Default)]
pub(crate) struct LineText {
    whole: String,
    /// Where the text is in it.
    text: Range<usize>,
    frame: Frame,
}

/// What is the same for all lines with one delimiter.
#[derive(Debug, Default)]
struct Frame {
    delimiter: String,
    /// The beginning of the line that no text changes.
    begun: Begun,
    /// The tokens of a line feed before the delimiter, if it is cut off from that.
    line_feed: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Begun {
    end: usize,
    tokens: u32,
}

impl Frame {
    fn new(delimiter: &str, pieces: &mut impl Pieces) -> Self {
        let beginning = format!("{delimiter} ");
        let mut walk = Walk::new(&beginning, Begun::default());
        let mut begun = Begun::default();
        while walk.at < beginning.len() {
            begun = Begun {
                end: walk.at,
                tokens: walk.tokens,
            };
            walk.step(pieces);
        }
        let line_feed = if pieces.cuts_line_feeds() {
            Some(1)
        } else {
            let next = format!("\n{delimiter}");
            let mut walk = Walk::new(&next, Begun::default());
            walk.step(pieces);
            (walk.at == 1).then_some(walk.tokens)
        };
        Self {
            delimiter: delimiter.to_owned(),
            begun,
            line_feed,
        }
    }
}

/// Goes through the pieces of a text.
struct Walk<'t> {
    text: &'t str,
    segment_end: usize,
    at: usize,
    tokens: u32,
    last: Piece,
}

#[derive(Clone, Copy, Default)]
struct Piece {
    start: usize,
    tokens: u32,
}

impl<'t> Walk<'t> {
    fn new(text: &'t str, begun: Begun) -> Self {
        Self {
            text,
            segment_end: 0,
            at: begun.end,
            tokens: begun.tokens,
            last: Piece::default(),
        }
    }

    #[inline]
    fn step(&mut self, pieces: &mut impl Pieces) {
        let start = self.at;
        self.at = pieces.end(self.text, start, &mut self.segment_end);
        let tokens = pieces.tokens(self.text, start..self.at);
        self.tokens += tokens;
        self.last = Piece { start, tokens };
    }
}

impl LineText {
    /// Fills it again.
    #[inline]
    pub(crate) fn fill(&mut self, delimiter: &str, text: &str) {
        let whole = &mut self.whole;
        whole.clear();
        whole.push_str(delimiter);
        whole.push(' ');
        self.text = whole.len()..whole.len() + text.len();
        whole.push_str(text);
        whole.push('\n');
        whole.push_str(delimiter);
    }

    /// All of it.
    pub(crate) fn whole(&self) -> &str {
        &self.whole
    }

    /// The line without what comes after its text.
    pub(crate) fn before_line_feed(&self) -> &str {
        &self.whole[..self.text.end]
    }

    /// Counts the text and the line.
    #[inline]
    pub(crate) fn count(&mut self, pieces: &mut impl Pieces) -> TextTokens {
        let Self { whole, text, frame } = self;
        let delimiter = &whole[text.end + 1..];
        if frame.delimiter != delimiter {
            *frame = Frame::new(delimiter, pieces);
        }
        let mut alone = Walk::new(&whole[text.clone()], Begun::default());
        let mut line = Walk::new(&whole[..text.end], frame.begun);
        while line.at != text.start + alone.at {
            if line.at < text.start + alone.at {
                line.step(pieces);
            } else {
                alone.step(pieces);
            }
        }
        let apart = line.tokens;
        while line.at < text.end {
            line.step(pieces);
        }
        let counted = TextTokens::alone(alone.tokens + (line.tokens - apart));
        if line.text.ends_with(char::is_whitespace) {
            return counted;
        }

        let Piece { start, tokens } = line.last;
        let end = if pieces.cuts_line_feeds() {
            text.end
        } else {
            pieces.end(whole, start, &mut 0)
        };
        let followed = if end == text.end {
            frame.line_feed.map(|line_feed| line.tokens + line_feed)
        } else if end == text.end + 1 {
            Some(line.tokens - tokens + pieces.tokens(whole, start..end))
        } else {
            None
        };
        TextTokens {
            line: followed.map(|followed| LineTokens {
                followed,
                last: line.tokens,
            }),
            ..counted
        }
    }
}
