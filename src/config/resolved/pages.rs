//! The design of the pages: name, logo, style and texts.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::reader::{Reader, Spanned};
use crate::config::{raw, secret_file};
use crate::domain::decision::pages::{Design, DesignFault, LogoType};
use crate::domain::http::Language;

/// Texts by their keys, for each language.
type Texts = BTreeMap<String, BTreeMap<String, String>>;

pub(super) fn design(written: &raw::Pages, reader: &mut Reader<'_>) -> Option<Design> {
    let mut design = Design::default();
    let mut is_sound = true;
    if let Some(Spanned { location, value }) = written.name.given() {
        if value.chars().any(char::is_control) {
            reader.fault(location, "it contains a control character or line break", "write it on one line");
            is_sound = false;
        }
        design = design.with_name(value.clone());
    }
    let help = "give an SVG or PNG file of at most 32 KiB, whose name ends in `.svg` or `.png`";
    for (file, add, help) in [
        (written.logo_file.given(), add_logo as Add, help),
        (written.style_file.given(), add_style, "give a style sheet (CSS) of at most 32 KiB"),
        (written.texts_file.given(), add_texts, "docs/pages.md lists languages, keys and placeholders"),
    ] {
        let Some(path) = file else { continue };
        let added = secret_file::bytes(path, reader).map(|content| add(design.clone(), &path.value, &content));
        match added {
            Some(Ok(added)) => design = added,
            Some(Err(problem)) => {
                let problem = format!("{}: {problem}", reader.shown(path));
                reader.fault(&path.location, problem, help);
                is_sound = false;
            }
            None => is_sound = false,
        }
    }
    is_sound.then_some(design)
}

/// Adds the content of the file at this path to a design.
type Add = fn(Design, &Path, &[u8]) -> Result<Design, String>;

fn add_logo(design: Design, path: &Path, content: &[u8]) -> Result<Design, String> {
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => LogoType::Svg,
        Some("png") => LogoType::Png,
        _ => return Err("its name ends in neither `.svg` nor `.png`".to_owned()),
    };
    design.with_logo(content, format).map_err(|fault| fault.to_string())
}

fn add_style(design: Design, _: &Path, content: &[u8]) -> Result<Design, String> {
    design.with_style(content).map_err(|fault| fault.to_string())
}

fn add_texts(design: Design, _: &Path, content: &[u8]) -> Result<Design, String> {
    // The message of the parser may contain a part of the file, which may be a secret by mistake.
    let texts: Texts = serde_json::from_slice(content).map_err(|fault| {
        let (line, column) = (fault.line(), fault.column());
        format!("line {line}, column {column}: it is not a JSON object of languages, each with texts by their keys")
    })?;
    let mut all = texts.into_iter().flat_map(|(tag, texts)| texts.into_iter().map(move |text| (tag.clone(), text)));
    all.try_fold(design, |design, (tag, (key, text))| {
        let language = Language::ALL.into_iter().find(|language| language.tag() == tag);
        let language = language.ok_or_else(|| format!("there is no language `{tag}`; there are en, de, fr and es"))?;
        design.with_text(language, &key, text).map_err(|fault: DesignFault| format!("{tag}: {fault}"))
    })
}
