//! Cycles between files: which file depends on which, and whether any depends on itself indirectly.

use std::collections::{BTreeMap, BTreeSet};

use super::reading::{Code, Names};

/// The cycles of files, each as one text.
pub(crate) fn cycles(files: &[&Code]) -> Vec<String> {
    let graph = Graph::of(files);
    let mut found = Vec::new();
    let mut told: BTreeSet<&Names> = BTreeSet::new();
    for module in graph.edges.keys() {
        let reached = graph.reached(module);
        if told.contains(module) || !reached.contains(module) {
            continue;
        }
        let circle: Vec<&Names> = reached.into_iter().filter(|other| graph.reached(other).contains(module)).collect();
        let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
        told.extend(circle);
        found.push(names.join(", "));
    }
    found
}

struct Graph {
    edges: BTreeMap<Names, BTreeSet<Names>>,
}

impl Graph {
    fn of(files: &[&Code]) -> Self {
        let modules: BTreeSet<&[String]> = files.iter().map(|code| code.module.as_slice()).collect();
        let exports: BTreeMap<(&[String], String), Names> = files
            .iter()
            .flat_map(|code| code.exports().into_iter().map(move |export| (code.module.as_slice(), export)))
            .filter_map(|(module, (name, path))| Some(((module, name), inner(module, &path, &modules)?)))
            .collect();
        let edges = files.iter().map(|code| {
            let targets =
                code.dependencies().into_iter().filter_map(|path| target(&code.module, &path, &modules, &exports));
            (code.module.clone(), targets.filter(|target| *target != code.module).collect())
        });
        Self { edges: edges.collect() }
    }

    /// Every file that can be reached from this one in one or more steps.
    fn reached(&self, from: &Names) -> BTreeSet<&Names> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&Names> = vec![from];
        while let Some(module) = open.pop() {
            for next in self.edges.get(module).into_iter().flatten() {
                if let Some((next, _)) = self.edges.get_key_value(next)
                    && reached.insert(next)
                {
                    open.push(next);
                }
            }
        }
        reached
    }
}

/// The file that defines the item of a path, whichever module re-exports it.
fn target(
    module: &[String],
    path: &[String],
    modules: &BTreeSet<&[String]>,
    exports: &BTreeMap<(&[String], String), Names>,
) -> Option<Names> {
    let mut path = inner(module, path, modules)?;
    // A chain of re-exports is at most as long as modules are nested.
    for _ in 0..8 {
        let length =
            (1..=path.len()).rev().find(|length| path.get(..*length).is_some_and(|module| modules.contains(module)))?;
        let (found, item) = path.split_at(length);
        let export = item.first().and_then(|name| exports.get(&(found, name.clone())));
        match export {
            Some(export) if *export != path => path = [export, item.get(1..).unwrap_or_default()].concat(),
            _ => return Some(found.to_vec()),
        }
    }
    None
}

/// A path below the crate's root; `None` for a path outside of the crate. A child module needs no `self::`.
fn inner(module: &[String], path: &[String], modules: &BTreeSet<&[String]>) -> Option<Names> {
    let (first, rest) = path.split_first()?;
    if first == "crate" {
        return Some(rest.to_vec());
    }
    let child = [module, std::slice::from_ref(first)].concat();
    modules.contains(child.as_slice()).then(|| [module, path].concat())
}
