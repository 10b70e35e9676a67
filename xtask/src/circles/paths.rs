//! Which files the paths of a crate lead to.

use std::path::Path;

use super::graph::Import;
use super::modules::{Crate, ModuleId, ROOT};

/// How many names of names a path may lead through.
const DEEPEST: usize = 16;

/// What a path leads to.
#[derive(Clone, Copy)]
enum PathTarget {
    Module(ModuleId),
    /// Something that this module defines.
    ItemOf(ModuleId),
}

/// Everything that files import from other files.
pub(super) fn imports(parsed: &Crate) -> Vec<Import> {
    let mut imports = Vec::new();
    for (id, module) in parsed.modules.iter().enumerate() {
        // What is re-exported is used where it is mentioned.
        let uses = module.uses.iter().filter(|used| !used.is_re_export);
        // A child's name alone is a variable's.
        let is_child = |path: &[String]| path.len() == 1 && module.children.contains_key(&path[0]);
        let mentions = module.mentions.iter().filter(|path| !is_child(path));
        let paths = uses.map(|used| &used.path).chain(mentions);
        for path in paths {
            let found = parsed.file_of(id, path).filter(|file| *file != module.file);
            imports.extend(found.map(|file| Import {
                from: module.file.clone(),
                to: file.to_owned(),
                what: path.join("::"),
            }));
        }
    }
    imports
}

impl Crate {
    /// The file that defines what a path in a module names; none if that is not a file of the crate.
    fn file_of(&self, module: ModuleId, path: &[String]) -> Option<&Path> {
        let (PathTarget::Module(id) | PathTarget::ItemOf(id)) = self.find(module, path, DEEPEST)?;
        Some(&self.modules[id].file)
    }

    fn find(&self, module: ModuleId, path: &[String], deepest: usize) -> Option<PathTarget> {
        let (first, rest) = path.split_first()?;
        match &**first {
            "crate" => self.walk(PathTarget::Module(ROOT), rest, deepest),
            "self" => self.walk(PathTarget::Module(module), rest, deepest),
            "super" => match rest.first().map(String::as_str) {
                Some("super") => self.find(self.modules[module].parent, rest, deepest),
                _ => self.walk(
                    PathTarget::Module(self.modules[module].parent),
                    rest,
                    deepest,
                ),
            },
            name => {
                let found = self.named(module, name, deepest)?;
                self.walk(found, rest, deepest)
            }
        }
    }

    fn walk(&self, mut found: PathTarget, path: &[String], deepest: usize) -> Option<PathTarget> {
        for name in path {
            let PathTarget::Module(module) = found else {
                // A variant, or something that belongs to a type.
                return Some(found);
            };
            let named = self.named(module, name, deepest);
            // What no item is seen of comes from a macro.
            found = named.or_else(|| self.may_generate(module, name))?;
        }
        Some(found)
    }

    fn may_generate(&self, module: ModuleId, name: &str) -> Option<PathTarget> {
        let mut uses = self.modules[module].uses.iter();
        let is_imported = uses.any(|used| used.name == name);
        (!is_imported).then_some(PathTarget::ItemOf(module))
    }

    /// What a name stands for in a module.
    fn named(&self, id: ModuleId, name: &str, deepest: usize) -> Option<PathTarget> {
        let module = &self.modules[id];
        if let Some(child) = module.children.get(name) {
            return Some(PathTarget::Module(*child));
        }
        if module.items.contains(name) {
            return Some(PathTarget::ItemOf(id));
        }
        let deeper = deepest.checked_sub(1)?;
        let mut named = module.uses.iter().filter(|used| used.name == name);
        if let Some(used) = named.next() {
            return self.find(id, &used.path, deeper);
        }
        let mut globs = module.uses.iter().filter(|used| used.name == "*");
        globs.find_map(|glob| match self.find(id, &glob.path, deeper)? {
            PathTarget::Module(module) => self.named(module, name, deeper),
            PathTarget::ItemOf(_) => None,
        })
    }
}
