//! The rule that no two files of a crate import each other, directly or through other files.
//!
//! A re-export counts as the file that defines what it names. A parent's `mod` lines, what it only
//! re-exports, and test code don't count.

mod graph;
mod modules;
mod paths;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::process::{cargo, output, root};
use graph::{Import, circles};
use modules::{Crate, Sources};

/// Checks every crate.
///
/// # Errors
/// If files import each other; the error names them all.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut found = String::new();
    for target in targets()? {
        let sources = sources(&target)?;
        let imports = paths::imports(&Crate::parse(&sources, &target)?);
        for circle in circles(&imports) {
            describe(&mut found, &circle)?;
        }
    }
    if found.is_empty() {
        Ok(())
    } else {
        bail!("files that import each other; what two need goes into a third below them:\n{found}")
    }
}

fn describe(text: &mut String, circle: &[Import]) -> anyhow::Result<()> {
    let shown = |path: &Path| {
        path.strip_prefix(root())
            .unwrap_or(path)
            .display()
            .to_string()
    };
    for Import { from, to, what } in circle {
        writeln!(
            text,
            "  {} imports `{what}` from {}",
            shown(from),
            shown(to)
        )?;
    }
    writeln!(text)?;
    Ok(())
}

/// The root files of the workspace's libraries and programs.
fn targets() -> anyhow::Result<Vec<PathBuf>> {
    const KINDS: [&str; 3] = ["lib", "bin", "proc-macro"];
    let arguments = ["metadata", "--locked", "--no-deps", "--format-version", "1"];
    let metadata: Value = serde_json::from_str(&output(cargo().args(arguments))?)?;
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let packages = list(&metadata, "packages");
    let targets = packages.iter().flat_map(|package| list(package, "targets"));
    let checked = targets.filter(|target| {
        let kinds = list(target, "kind");
        kinds
            .iter()
            .any(|kind| KINDS.contains(&kind.as_str().unwrap_or_default()))
    });
    let paths = checked.filter_map(|target| target["src_path"].as_str().map(PathBuf::from));
    Ok(paths.collect())
}

/// Every file beside and below a root.
fn sources(target: &Path) -> anyhow::Result<Sources> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![target.parent().context("a file has a folder")?.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path)?;
                sources.insert(path, text);
            }
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate with these files, each as its files' names in order.
    fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let own = |&(name, text): &(&str, &str)| (PathBuf::from("src").join(name), text.to_owned());
        let sources: Sources = files.iter().map(own).collect();
        let parsed = Crate::parse(&sources, Path::new("src/lib.rs")).unwrap();
        let name = |import: &Import| {
            let path = import.from.strip_prefix("src").unwrap();
            path.to_string_lossy().into_owned()
        };
        let found = circles(&paths::imports(&parsed));
        found
            .iter()
            .map(|circle| circle.iter().map(name).collect())
            .collect()
    }

    #[test]
    fn layers_have_no_circle() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B(crate::c::C);"),
            ("c.rs", "use std::fmt; pub(crate) struct C;"),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn two_files_that_import_each_other_are_named() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B; fn f(_: super::a::A) {}"),
        ]);
        assert_eq!(found, [["a.rs", "b.rs"]]);
    }

    #[test]
    fn a_circle_may_lead_through_other_files() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b;"),
            ("b.rs", "fn f() { crate::c::g() }"),
            ("c.rs", "use crate::a::A;"),
        ]);
        assert_eq!(found, [["a.rs", "b.rs", "c.rs"]]);
    }

    #[test]
    fn a_re_export_counts_as_the_file_that_defines() {
        let found = circles_of(&[
            (
                "lib.rs",
                "mod a; mod b; pub use a::{A as Alias, More}; pub use b::B;",
            ),
            (
                "a.rs",
                "mod more; pub use more::More; use crate::B; pub struct A(B);",
            ),
            ("a/more.rs", "pub struct More;"),
            ("b.rs", "pub struct B(crate::More);"),
        ]);
        assert!(found.is_empty(), "{found:?}");
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b; pub use a::A as Alias;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B(crate::Alias);"),
        ]);
        assert_eq!(found, [["a.rs", "b.rs"]]);
    }

    #[test]
    fn a_parent_may_re_export_what_it_does_not_use() {
        let child = "use super::Base; pub(super) struct Child(Base);";
        let only_re_exports = "mod child; pub use child::Child; pub struct Base;";
        let files = [("lib.rs", "mod a;"), ("a/child.rs", child)];
        let found = circles_of(&[files[0], ("a.rs", only_re_exports), files[1]]);
        assert!(found.is_empty(), "{found:?}");
        let uses = "mod child; pub use child::Child; pub struct Base; fn f() -> Child {}";
        let found = circles_of(&[files[0], ("a.rs", uses), files[1]]);
        assert_eq!(found, [["a/child.rs", "a.rs"]]);
    }

    #[test]
    fn paths_in_macros_and_attributes_count() {
        for text in [
            "fn f() { println!(\"{}\", crate::b::g()) }",
            "#[serde(default = \"crate::b::g\")] struct S;",
            "use crate::b::*;",
        ] {
            let found = circles_of(&[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", text),
                ("b.rs", "use crate::a::{self};"),
            ]);
            assert_eq!(found, [["a.rs", "b.rs"]], "{text}");
        }
    }

    #[test]
    fn test_code_and_texts_do_not_count() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "#[cfg(test)] mod tests { use crate::b::B; } #[test] fn t() { crate::b::f() }",
            ),
            (
                "b.rs",
                "use crate::a::A; fn f() { print!(\"crate::a::A\") }",
            ),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn the_shortest_circle_of_several_is_named() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b; use crate::c;"),
            ("b.rs", "use crate::c;"),
            ("c.rs", "use crate::a;"),
        ]);
        assert_eq!(found, [["a.rs", "c.rs"]]);
    }
}
