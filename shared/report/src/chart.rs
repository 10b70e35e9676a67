//! Charts in SVG. Widths are in percent, so that letters keep their size on any screen; what color anything
//! has, the style sheet says.

use maud::{Markup, html};

use crate::amounts::{number, ratio, width};

/// What a picture says, for those who don't see it.
pub(crate) struct Alternative<'a> {
    /// Names the picture; of the file's pictures each has its own.
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
}

/// A picture of this height in pixels, as wide as there is room.
pub(crate) fn picture(alternative: &Alternative<'_>, height: u32, content: Markup) -> Markup {
    let Alternative {
        id,
        title,
        description,
    } = alternative;
    let (title_id, description_id) = (format!("{id}-title"), format!("{id}-description"));
    html! {
        svg role="img" width="100%" height=(height)
            aria-labelledby=(title_id) aria-describedby=(description_id) {
            title id=(title_id) { (title) }
            desc id=(description_id) { (description) }
            (content)
        }
    }
}

/// A rectangle; `left` and `width` are parts of the picture's width.
pub(crate) struct Bar {
    pub(crate) class: &'static str,
    pub(crate) left: f64,
    pub(crate) width: f64,
    pub(crate) top: f64,
    pub(crate) height: f64,
}

impl Bar {
    pub(crate) fn draw(&self) -> Markup {
        let (y, height) = (format!("{:.1}", self.top), format!("{:.1}", self.height));
        html! {
            rect class=(self.class) x=(width(self.left)) width=(width(self.width)) y=(y) height=(height) {}
        }
    }
}

/// Text at a part of the picture's width.
pub(crate) fn label(class: &str, left: f64, baseline: f64, text: &str) -> Markup {
    html! { text class=(class) x=(width(left)) y=(format!("{baseline:.1}")) { (text) } }
}

/// A row of a list with bars.
pub(crate) struct Row<'a> {
    pub(crate) name: Markup,
    pub(crate) count: u64,
    pub(crate) class: &'a str,
}

/// A table whose rows have bars beside their numbers, as wide as their part of `whole`.
pub(crate) fn bars(caption: &str, whole: u64, rows: &[Row<'_>]) -> Markup {
    html! {
        table.bars {
            caption.unseen { (caption) }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { (row.name) }
                        td.number { (number(row.count)) }
                        td.bar { (bar(&[(row.class, ratio(row.count, whole))])) }
                    }
                }
            }
        }
    }
}

/// A bar of several parts, beside numbers that say the same.
pub(crate) fn bar(parts: &[(&str, f64)]) -> Markup {
    let lefts = parts.iter().scan(0.0, |end, (_, part)| {
        let left = *end;
        *end += part;
        Some(left)
    });
    html! {
        svg width="100%" height="14" aria-hidden="true" {
            @for ((class, part), left) in parts.iter().zip(lefts) {
                rect class=(class) x=(width(left)) width=(width(*part)) height="14" {}
            }
        }
    }
}

/// The numbers of a picture, folded away.
pub(crate) fn numbers(caption: &str, heads: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        details.numbers {
            summary { "The numbers" }
            table {
                caption.unseen { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (place, cell) in row.iter().enumerate() {
                                @if place == 0 { th scope="row" { (cell) } } @else { td.number { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
