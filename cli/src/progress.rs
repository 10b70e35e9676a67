//! Bars that show how far something is, where a terminal can show one.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of bytes. Without a total there is none to fill, and the template says what else is shown.
pub(crate) fn bar(total: Option<u64>, template: &str) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    if !can_redraw() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.with_style(style(template))
}

/// What a bar shows.
pub(crate) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}

/// Whether a terminal can move its cursor.
fn can_redraw() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
