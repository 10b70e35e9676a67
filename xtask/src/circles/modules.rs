//! The modules of a crate: which file each is in, what it defines, and which paths it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use syn::visit::{self, Visit};
use syn::{
    Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, UseTree, VisRestricted, Visibility,
};

/// The texts of files.
pub(super) type Sources = BTreeMap<PathBuf, String>;

/// A path, in its segments.
pub(super) type Segments = Vec<String>;

/// A module's place in [`Crate::modules`]; the root is the first.
pub(super) type ModuleId = usize;

pub(super) const ROOT: ModuleId = 0;

/// A name that a `use` brings into a module. A glob's is `*`.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) name: String,
    pub(super) path: Segments,
    /// Whether others are to see it here.
    pub(super) is_re_export: bool,
}

#[derive(Debug)]
pub(super) struct Module {
    pub(super) file: PathBuf,
    pub(super) parent: ModuleId,
    pub(super) children: BTreeMap<String, ModuleId>,
    /// The names of what it defines.
    pub(super) items: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    /// The paths that its code names.
    pub(super) mentions: BTreeSet<Segments>,
}

#[derive(Debug)]
pub(super) struct Crate {
    pub(super) modules: Vec<Module>,
}

impl Crate {
    /// Reads the crate with that root.
    ///
    /// # Errors
    /// If a file is missing or is not Rust.
    pub(super) fn parse(sources: &Sources, root: &Path) -> anyhow::Result<Self> {
        let mut parsed = Self {
            modules: Vec::new(),
        };
        let folder = root.parent().context("a file has a folder")?.to_owned();
        let place = Place {
            file: root.to_owned(),
            folder,
            parent: ROOT,
        };
        parsed.add_file(sources, place)?;
        Ok(parsed)
    }

    fn add_file(&mut self, sources: &Sources, place: Place) -> anyhow::Result<ModuleId> {
        let file = place.file.display().to_string();
        let text = sources.get(&place.file);
        let text = text.with_context(|| format!("{file} is missing"))?;
        let parsed = syn::parse_file(text).with_context(|| format!("failed to parse {file}"))?;
        self.add(sources, place, &parsed.items)
    }

    fn add(&mut self, sources: &Sources, place: Place, items: &[Item]) -> anyhow::Result<ModuleId> {
        let id = self.modules.len();
        let mut reader = Reader::default();
        for item in items {
            reader.visit_item(item);
        }
        self.modules.push(Module {
            file: place.file.clone(),
            parent: place.parent,
            children: BTreeMap::new(),
            items: items.iter().filter_map(name_of).collect(),
            uses: reader.uses,
            mentions: reader.mentions,
        });
        for module in items.iter().filter_map(as_module) {
            let name = module.ident.to_string();
            let folder = place.folder.join(&name);
            let child = if let Some((_, items)) = &module.content {
                let file = place.file.clone();
                let place = Place {
                    file,
                    folder,
                    parent: id,
                };
                self.add(sources, place, items)?
            } else {
                let inside = folder.join("mod.rs");
                let file = if sources.contains_key(&inside) {
                    inside
                } else {
                    folder.with_extension("rs")
                };
                let place = Place {
                    file,
                    folder,
                    parent: id,
                };
                self.add_file(sources, place)?
            };
            self.modules[id].children.insert(name, child);
        }
        Ok(id)
    }
}

/// Where a module is.
struct Place {
    file: PathBuf,
    /// Where the files of its children are.
    folder: PathBuf,
    parent: ModuleId,
}

fn as_module(item: &Item) -> Option<&ItemMod> {
    match item {
        Item::Mod(module) if !is_test(&module.attrs) => Some(module),
        _ => None,
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition.starts_with("all") && condition.contains("test")
        }
        _ => false,
    })
}

/// Collects what the code of one module names; its inline children are modules of their own.
#[derive(Default)]
struct Reader {
    uses: Vec<Use>,
    mentions: BTreeSet<Segments>,
}

impl Visit<'_> for Reader {
    fn visit_item(&mut self, item: &Item) {
        if !matches!(item, Item::Mod(_)) && !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &ImplItem) {
        if !matches!(item, ImplItem::Fn(function) if is_test(&function.attrs)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        if item.leading_colon.is_none() {
            let is_re_export = !matches!(item.vis, Visibility::Inherited);
            self.add_use(&item.tree, Vec::new(), is_re_export);
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        if path.leading_colon.is_none() {
            let segments = path.segments.iter();
            let segments = segments.map(|segment| segment.ident.to_string());
            self.mentions.insert(segments.collect());
        }
        visit::visit_path(self, path);
    }

    /// `pub(super)` says who may use something, and uses nothing.
    fn visit_vis_restricted(&mut self, _: &VisRestricted) {}

    fn visit_macro(&mut self, invocation: &Macro) {
        let tokens = invocation.tokens.to_string();
        // What is quoted is text, quotes in it included.
        let tokens = tokens.replace("\\\"", "").replace("'\"'", "");
        let code = tokens.split('"').step_by(2);
        self.mentions.extend(code.flat_map(paths_in));
        visit::visit_macro(self, invocation);
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        if let Meta::List(list) = &attribute.meta {
            // `#[serde(with = "crate::a")]` names a path.
            self.mentions.extend(paths_in(&list.tokens.to_string()));
        }
    }
}

impl Reader {
    fn add_use(&mut self, tree: &UseTree, mut path: Segments, is_re_export: bool) {
        let name = match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                return self.add_use(&tree.tree, path, is_re_export);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use(tree, path.clone(), is_re_export);
                }
                return;
            }
            UseTree::Name(tree) if tree.ident == "self" => path.last().cloned().unwrap_or_default(),
            UseTree::Name(tree) => {
                path.push(tree.ident.to_string());
                tree.ident.to_string()
            }
            UseTree::Rename(tree) => {
                if tree.ident != "self" {
                    path.push(tree.ident.to_string());
                }
                tree.rename.to_string()
            }
            UseTree::Glob(_) => "*".to_owned(),
        };
        self.uses.push(Use {
            name,
            path,
            is_re_export,
        });
    }
}

/// The paths in a text of tokens.
fn paths_in(tokens: &str) -> Vec<Segments> {
    let joined = tokens
        .replace(" :: ", "::")
        .replace(":: ", "::")
        .replace(" ::", "::");
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = joined.split(|c| !is_part(c));
    let paths = words.filter(|word| word.contains("::") && !word.starts_with(':'));
    paths.map(segments).collect()
}

fn segments(path: &str) -> Segments {
    let segments = path.split("::").filter(|segment| !segment.is_empty());
    segments.map(str::to_owned).collect()
}
