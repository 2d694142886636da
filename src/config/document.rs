//! Parses YAML to a tree in which every value has its position. Nothing is validated here except that it is YAML; `value`
//! and `section` define what the tree may contain.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::expansion::escape;

/// Maximum nesting of sections and lists.
const MAX_DEPTH: usize = 32;
/// The longest file that is read, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// A mark that some editors put before UTF-8 text. YAML 1.2 allows it at the start of a stream (section 5.2).
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Line and column, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl From<Marker> for Position {
    fn from(marker: Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// One value of the file.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) content: Content,
}

/// The content of a node. Anchors are supported for single values only, so that a small file cannot become a large tree.
#[derive(Clone)]
pub(crate) enum Content {
    /// A single value.
    One { text: Arc<str>, style: Style },
    /// A list.
    List(Vec<Node>),
    /// A section, in file order, repeated keys included.
    Section(Vec<(Key, Node)>),
    /// Valid YAML that is not supported in a configuration.
    Unusable(&'static str),
}

/// How a single value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes: it may be a number, a boolean or null.
    Plain,
    /// After `|`: each line of the value is a line of the file.
    Lines,
    /// In quotes, or after `>`.
    Text,
}

impl Node {
    /// A text that stands for itself: variables in it are not replaced.
    pub(crate) fn text(text: &str) -> Self {
        Self::one(&escape(text), Style::Text)
    }

    /// A word without quotes: a boolean, or one of a few words.
    pub(crate) fn word(word: &str) -> Self {
        Self::one(word, Style::Plain)
    }

    pub(crate) fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self { at: Position::default(), content: Content::List(items.into_iter().collect()) }
    }

    pub(crate) fn section<'k>(entries: impl IntoIterator<Item = (&'k str, Self)>) -> Self {
        let at = Position::default();
        let entries = entries.into_iter().map(|(key, node)| (Key { at, text: Some(key.into()) }, node));
        Self { at, content: Content::Section(entries.collect()) }
    }

    /// Adds the keys of another section that this one does not have, in sections of both, too.
    pub(crate) fn add_missing(&mut self, other: Self) {
        let (Content::Section(entries), Content::Section(others)) = (&mut self.content, other.content) else { return };
        for (key, node) in others {
            match entries.iter_mut().find(|(known, _)| known.text == key.text) {
                Some((_, known)) => known.add_missing(node),
                None => entries.push((key, node)),
            }
        }
    }

    /// Whether it is a section with this key.
    pub(crate) fn has(&self, name: &str) -> bool {
        let Content::Section(entries) = &self.content else { return false };
        entries.iter().any(|(key, _)| key.text.as_deref() == Some(name))
    }

    fn one(text: &str, style: Style) -> Self {
        Self { at: Position::default(), content: Content::One { text: text.into(), style } }
    }
}

/// A section's key; without text when it is a list or a section itself.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) at: Position,
    pub(crate) text: Option<Arc<str>>,
}

/// Why a text is not YAML.
#[derive(Debug)]
pub(crate) struct NotYaml {
    pub(crate) at: Position,
    pub(crate) problem: String,
    pub(crate) help: &'static str,
}

/// Help for syntax errors: the parser often notices them late.
const LOOK_AROUND: &str = "look for a missing quote, colon or blank at or above this line";

/// Parses `text` as one YAML document; an empty one is an empty section.
pub(crate) fn parse(text: &str) -> Result<Node, NotYaml> {
    let tree = tree(text, Tree { is_single: true, ..Tree::default() })?;
    let empty = Node { at: Position { line: 1, column: 1 }, content: Content::Section(Vec::new()) };
    Ok(tree.root.filter(|root| !root.is_null()).unwrap_or(empty))
}

/// Parses `text` as a stream of YAML documents, as Kubernetes reads it; empty ones are left out.
pub(crate) fn parse_stream(text: &str) -> Result<Vec<Node>, NotYaml> {
    let tree = tree(text, Tree::default())?;
    let documents = tree.earlier.into_iter().chain(tree.root);
    Ok(documents.filter(|document| !document.is_null()).collect())
}

fn tree(text: &str, mut tree: Tree) -> Result<Tree, NotYaml> {
    if text.len() > MAX_BYTES {
        let problem = "the file is longer than 1 MiB".to_owned();
        return Err(NotYaml {
            at: Position { line: 1, column: 1 },
            problem,
            help: "remove what does not belong to the configuration",
        });
    }
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if let Some(at) = position_of(BYTE_ORDER_MARK, text) {
        let problem = "a byte order mark (U+FEFF) is allowed at the beginning of the file only";
        return Err(NotYaml { at, problem: problem.to_owned(), help: "remove the invisible character here" });
    }
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => tree.take(event, span)?,
            Err(error) => {
                let at = (*error.marker()).into();
                return Err(tab_near(text, at).unwrap_or(NotYaml {
                    at,
                    problem: error.info().to_owned(),
                    help: LOOK_AROUND,
                }));
            }
        }
    }
    Ok(tree)
}

/// A tab in the indentation of the line at which the parser failed, or of the next one: the parser does not always name it, and may
/// fail at the line before.
fn tab_near(text: &str, failed: Position) -> Option<NotYaml> {
    let lines = text.lines().enumerate().skip(failed.line.saturating_sub(1)).take(2);
    let is_blank = |sign: char| matches!(sign, ' ' | '\t');
    let mut tabs = lines.filter_map(|(index, line)| {
        let (indentation, rest) = line.split_at(line.find(|sign| !is_blank(sign)).unwrap_or(line.len()));
        let column = indentation.find('\t').filter(|_| !rest.is_empty())?;
        Some(Position { line: index + 1, column: column + 1 })
    });
    let problem = "a tab indents this line, which YAML does not allow".to_owned();
    tabs.next().map(|at| NotYaml { at, problem, help: "replace the tab by blanks" })
}

/// The position of the first occurrence of the character.
fn position_of(sign: char, text: &str) -> Option<Position> {
    let before = text.get(..text.find(sign)?)?;
    let line = before.rsplit('\n').next().unwrap_or_default();
    Some(Position { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 })
}

impl Node {
    /// Whether the value is missing, `null` or `~`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::One { text, style: Style::Plain } if matches!(&**text, "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// A list or section whose end has not been parsed yet.
struct Open {
    at: Position,
    /// The number of its anchor.
    anchor: usize,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<Node>),
    Section { entries: Vec<(Key, Node)>, key: Option<Key> },
}

#[derive(Default)]
struct Tree {
    /// Whether a second document is refused.
    is_single: bool,
    open: Vec<Open>,
    root: Option<Node>,
    /// The documents before `root`.
    earlier: Vec<Node>,
    anchors: HashMap<usize, Content>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), NotYaml> {
        let at = Position::from(span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::Literal => Style::Lines,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted | ScalarStyle::Folded => Style::Text,
                };
                let content = if tag.is_some() { TAG } else { Content::One { text: text.as_ref().into(), style } };
                self.put(at, anchor, content);
            }
            Event::Alias(anchor) => {
                let content = self.anchors.get(&anchor).cloned().unwrap_or(UNKNOWN_ANCHOR);
                self.put(at, 0, content);
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(at, if tag.is_some() { usize::MAX } else { anchor }, OpenContent::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                let anchor = if tag.is_some() { usize::MAX } else { anchor };
                self.begin(at, anchor, OpenContent::Section { entries: Vec::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::DocumentStart(_) if self.is_single && self.root.is_some() => {
                return Err(NotYaml { at, problem: "a second document begins here".to_owned(), help: LOOK_AROUND });
            }
            Event::DocumentStart(_) => {
                self.earlier.extend(self.root.take());
                self.anchors.clear();
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, at: Position, anchor: usize, content: OpenContent) -> Result<(), NotYaml> {
        if self.open.len() >= MAX_DEPTH {
            let problem = format!("more than {MAX_DEPTH} nested levels");
            return Err(NotYaml { at, problem, help: LOOK_AROUND });
        }
        self.open.push(Open { at, anchor, content });
        Ok(())
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let content = match open.content {
            _ if open.anchor == usize::MAX => TAG,
            OpenContent::List(items) => Content::List(items),
            OpenContent::Section { entries, .. } => Content::Section(entries),
        };
        self.put(open.at, open.anchor, content);
    }

    fn put(&mut self, at: Position, anchor: usize, content: Content) {
        if anchor != 0 {
            let kept = match &content {
                Content::List(_) | Content::Section(_) => BIG_ANCHOR,
                Content::One { .. } | Content::Unusable(_) => content.clone(),
            };
            self.anchors.insert(anchor, kept);
        }
        let node = Node { at, content };
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(OpenContent::List(items)) => items.push(node),
            Some(OpenContent::Section { entries, key }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(Key::from(node)),
            },
        }
    }
}

impl From<Node> for Key {
    fn from(node: Node) -> Self {
        let text = match node.content {
            Content::One { text, .. } => Some(text),
            Content::List(_) | Content::Section(_) | Content::Unusable(_) => None,
        };
        Self { at: node.at, text }
    }
}

const TAG: Content = Content::Unusable("YAML tags (`!…`) are not supported");
const UNKNOWN_ANCHOR: Content = Content::Unusable("this alias refers to itself or to an unknown anchor");
const BIG_ANCHOR: Content = Content::Unusable("an alias (`*`) can repeat a single value only, not a list or section");
