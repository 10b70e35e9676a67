//! The page as a whole.

use std::io;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use resonare_pipeline::StatsFile;

use crate::sections::{advice, blocks, chats, funnel, overview, samples, settings, time, voices};
use crate::style::{STYLE, policy};

/// Writes the report of a run, completed or failed.
///
/// # Errors
/// Those of the writer.
pub fn write(stats: &StatsFile<'_>, mut out: impl io::Write) -> io::Result<()> {
    out.write_all(page(stats).into_string().as_bytes())
}

fn page(stats: &StatsFile<'_>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { "Report of a run – Resonare Data Prep" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (overview::section(stats))
                    (advice::section(stats))
                    (funnel::section(stats.statistics))
                    (blocks::section(stats.statistics))
                    (time::section(stats.statistics))
                    (voices::section(stats.statistics))
                    (chats::section(stats.statistics))
                    (samples::section(stats.statistics))
                    (settings::section(stats))
                }
            }
        }
    }
}
