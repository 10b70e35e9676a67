//! Circles among files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// That one file imports something from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    /// The path that names it.
    pub(super) what: String,
}

/// What each file imports.
type Graph<'a> = BTreeMap<&'a Path, Vec<&'a Import>>;

/// Circles, the shortest first. No two share a file.
pub(super) fn circles(imports: &[Import]) -> Vec<Vec<Import>> {
    let mut graph = Graph::new();
    for import in imports {
        graph.entry(&import.from).or_default().push(import);
    }
    let mut found: Vec<_> = graph
        .keys()
        .filter_map(|file| shortest(&graph, file))
        .collect();
    found.sort_by_key(Vec::len);
    let mut seen = BTreeSet::new();
    found.retain(|circle| {
        let is_new = circle.iter().all(|import| !seen.contains(&import.from));
        seen.extend(circle.iter().map(|import| import.from.clone()));
        is_new
    });
    found
}

/// The shortest way from a file back to itself.
fn shortest<'a>(graph: &Graph<'a>, start: &'a Path) -> Option<Vec<Import>> {
    let mut reached = BTreeMap::<&Path, &Import>::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(file) = waiting.pop_front() {
        for import in graph.get(file).into_iter().flatten() {
            if !reached.contains_key(&*import.to) {
                reached.insert(&import.to, import);
                waiting.push_back(&import.to);
            }
        }
    }
    let mut circle = vec![*reached.get(start)?];
    while circle.last()?.from != start {
        circle.push(reached.get(&*circle.last()?.from)?);
    }
    circle.reverse();
    Some(circle.into_iter().cloned().collect())
}
