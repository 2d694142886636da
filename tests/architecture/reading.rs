//! Reads a file of `src/` with `syn`: every path in it, wherever it is, and whether it awaits anything.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{
    Attribute, ExprAsync, ExprAwait, ExprClosure, File, Ident, ImplItem, Item, ItemMod, ItemUse, Macro, MetaList,
    Signature, UseTree, VisRestricted, Visibility,
};

/// The names in a path, in order.
pub(crate) type Names = Vec<String>;

/// A parsed source file.
pub(crate) struct Code {
    file: File,
    /// Its module: `domain::http` for `domain/http.rs` and for `domain/http/mod.rs`.
    pub(crate) module: Names,
}

/// Whether the tests within the file are read as well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tests {
    Included,
    LeftOut,
}

impl Code {
    /// Parses the text of a module.
    ///
    /// # Errors
    /// When it is not valid Rust.
    pub(crate) fn parse(module: &[&str], text: &str) -> syn::Result<Self> {
        let module = module.iter().map(|part| (*part).to_owned()).collect();
        Ok(Self { file: syn::parse_file(text)?, module })
    }

    /// The paths in the code as written, groups expanded, each with the inline modules around it. A single word counts only
    /// where it is imported; elsewhere it may be any name.
    pub(crate) fn written_paths(&self, tests: Tests) -> Vec<(Names, Names)> {
        let Walk { paths, visible, .. } = self.walk(tests);
        [paths, visible].concat()
    }

    /// The same paths resolved from the crate's root, if they start with `crate`, `self` or `super`. Without tests.
    pub(crate) fn paths(&self) -> BTreeSet<Names> {
        let Walk { paths, visible, .. } = self.walk(Tests::LeftOut);
        paths
            .into_iter()
            .chain(visible)
            .map(|(within, path)| in_full([self.module.as_slice(), &within].concat(), path))
            .collect()
    }

    /// The same without re-exports and visibilities: the dependencies of the code.
    pub(crate) fn dependencies(&self) -> BTreeSet<Names> {
        let walk = self.walk(Tests::LeftOut);
        let exported: BTreeSet<Names> = self.exports().into_iter().map(|(_, path)| path).collect();
        let paths =
            walk.paths.into_iter().map(|(within, path)| in_full([self.module.as_slice(), &within].concat(), path));
        paths.filter(|path| !exported.contains(path)).collect()
    }

    /// The re-exports: each name, and its path from the crate's root.
    pub(crate) fn exports(&self) -> Vec<(String, Names)> {
        let mut exports = Vec::new();
        for item in &self.file.items {
            let Item::Use(item) = item else { continue };
            if matches!(item.vis, Visibility::Inherited) {
                continue;
            }
            let mut walk = Walk::new(Tests::Included);
            walk.used(&[], &item.tree);
            for (_, path) in walk.paths {
                let name = path.last().cloned().unwrap_or_default();
                exports.push((name, in_full(self.module.clone(), path)));
            }
        }
        exports
    }

    /// Whether the code awaits anything, tests excluded.
    pub(crate) fn waits(&self) -> bool {
        self.walk(Tests::LeftOut).waits
    }

    /// Whether the file re-exports names of other modules.
    pub(crate) fn re_exports(&self) -> bool {
        let exports =
            |item: &Item| matches!(item, Item::Use(ItemUse { vis, .. }) if !matches!(vis, Visibility::Inherited));
        self.file.items.iter().any(exports)
    }

    /// Whether the file begins with a doc comment.
    pub(crate) fn has_doc(&self) -> bool {
        self.file.attrs.first().is_some_and(|first| first.path().is_ident("doc"))
    }

    fn walk(&self, tests: Tests) -> Walk {
        let mut walk = Walk::new(tests);
        walk.visit_file(&self.file);
        walk
    }
}

fn in_full(module: Names, path: Names) -> Names {
    let mut base = module;
    let mut rest = path.into_iter().peekable();
    match rest.peek().map(String::as_str) {
        Some("crate" | "gatepost") => base.clear(),
        Some("self") => {}
        Some("super") => drop(base.pop()),
        _ => return rest.collect(),
    }
    rest.next();
    std::iter::once("crate".to_owned()).chain(base).chain(rest).collect()
}

struct Walk {
    tests: Tests,
    /// The inline modules around the current item.
    within: Names,
    paths: Vec<(Names, Names)>,
    /// The paths in visibilities.
    visible: Vec<(Names, Names)>,
    waits: bool,
}

impl Walk {
    const fn new(tests: Tests) -> Self {
        Self { tests, within: Names::new(), paths: Vec::new(), visible: Vec::new(), waits: false }
    }

    fn is_left_out(&self, attributes: &[Attribute]) -> bool {
        self.tests == Tests::LeftOut && attributes.iter().any(is_of_tests)
    }

    fn found(&mut self, path: Names) {
        self.paths.push((self.within.clone(), path));
    }

    fn used(&mut self, before: &[String], tree: &UseTree) {
        let with = |ident: &Ident| [before, &[name(ident)]].concat();
        match tree {
            UseTree::Path(path) => self.used(&with(&path.ident), &path.tree),
            UseTree::Name(leaf) => self.found(with(&leaf.ident)),
            UseTree::Rename(leaf) => self.found(with(&leaf.ident)),
            UseTree::Glob(_) => self.found(before.to_vec()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.used(before, tree)),
        }
    }

    /// Macros have a syntax of their own; a token sequence that looks like a path is taken for one.
    fn look_through(&mut self, tokens: TokenStream) {
        let mut path = Names::new();
        let (mut colons, mut is_visibility, mut after_in) = (0, false, false);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    self.waits |= ident == "async" || ident == "await";
                    if colons != 2 {
                        self.end_path(&mut path, is_visibility);
                        // `pub(in crate::room)`.
                        is_visibility = after_in;
                        after_in = ident == "in";
                    }
                    path.push(name(&ident));
                    colons = 0;
                }
                TokenTree::Punct(sign) if sign.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.end_path(&mut path, is_visibility);
                    self.look_through(group.stream());
                    colons = 0;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.end_path(&mut path, is_visibility);
                    colons = 0;
                }
            }
        }
        self.end_path(&mut path, is_visibility);
    }

    fn end_path(&mut self, path: &mut Names, is_visibility: bool) {
        let path = std::mem::take(path);
        if path.len() > 1 && is_visibility {
            self.visible.push((self.within.clone(), path));
        } else if path.len() > 1 {
            self.found(path);
        }
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item(&mut self, item: &'ast Item) {
        if !self.is_left_out(attributes_of(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let is_left_out = matches!(item, ImplItem::Fn(function) if self.is_left_out(&function.attrs));
        if !is_left_out {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.within.push(name(&module.ident));
        visit::visit_item_mod(self, module);
        self.within.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.used(&[], &item.tree);
    }

    fn visit_vis_restricted(&mut self, visibility: &'ast VisRestricted) {
        let names: Names = visibility.path.segments.iter().map(|segment| name(&segment.ident)).collect();
        if names.len() > 1 {
            self.visible.push((self.within.clone(), names));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Names = path.segments.iter().map(|segment| name(&segment.ident)).collect();
        if names.len() > 1 {
            self.found(names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        visit::visit_macro(self, called);
        self.look_through(called.tokens.clone());
    }

    fn visit_meta_list(&mut self, list: &'ast MetaList) {
        visit::visit_meta_list(self, list);
        self.look_through(list.tokens.clone());
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        self.waits |= signature.asyncness.is_some();
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, block: &'ast ExprAsync) {
        self.waits = true;
        visit::visit_expr_async(self, block);
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        self.waits |= closure.asyncness.is_some();
        visit::visit_expr_closure(self, closure);
    }

    fn visit_expr_await(&mut self, expression: &'ast ExprAwait) {
        self.waits = true;
        visit::visit_expr_await(self, expression);
    }
}

/// The name without `r#`: `r#type` is `type`.
fn name(ident: &Ident) -> String {
    ident.unraw().to_string()
}

fn is_of_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<Ident>().is_ok_and(|argument| argument == "test")
}

fn attributes_of(item: &Item) -> &[Attribute] {
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
        Item::ExternCrate(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        // Items that `syn` does not know are read with any attributes.
        Item::Verbatim(_) | _ => &[],
    }
}
