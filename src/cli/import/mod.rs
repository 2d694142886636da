//! `gatepost import`: translates the configuration of another program. The result never allows what the other program denied: a rule
//! that cannot be translated is left out where it allows, and closes the application where it denies.

mod application;
mod arguments;
mod authelia;
mod fault;
mod ingress_nginx;
mod lifetime;
mod node;
mod oauth2_proxy;
mod pattern;
mod report;
mod translation;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::output::{print, tell};
use super::unset_secrets;
use super::yaml::{Section, Value};
use crate::config::Diagnostics;
use application::ImportedApplication;
use translation::Translation;

pub(super) use arguments::Import;
pub(super) use fault::ImportFault;

/// Prints the configuration, or writes it to a file, and lists what does not translate.
pub(super) fn import(command: Import) -> Result<(), Fault> {
    let (program, translated, output) = match command {
        Import::Oauth2Proxy { files, given } => ("oauth2-proxy", oauth2_proxy::translate(&files, &given), given.output),
        Import::Authelia { file, given } => ("authelia", authelia::translate(&file, &given), given.output),
        Import::IngressNginx { file, allow_anyone, given } => {
            ("ingress-nginx", ingress_nginx::translate(&file, allow_anyone, &given), given.output)
        }
    };
    let mut translation = translated.map_err(Fault::Import)?;
    let path = output.clone().unwrap_or_else(|| PathBuf::from("gatepost.yaml"));
    keep_usable(&mut translation, &path);
    let configuration = configuration(program, &translation.applications, &translation.sections, false);
    let checked = checked(&translation.applications, &translation.sections, &path);
    tell(&translation.report.lines()).map_err(Fault::Output)?;
    if translation.applications.is_empty() {
        return Err(Fault::Import(ImportFault::NothingTranslated));
    }
    checked.map_err(|diagnostics| Fault::Import(ImportFault::Conflicting(diagnostics)))?;
    match output {
        None => print(&configuration.to_string()).map_err(Fault::Output)?,
        Some(path) => write(&path, &configuration.to_string()).map_err(Fault::Import)?,
    }
    match translation.report.left() {
        0 => Ok(()),
        left => Err(Fault::Import(ImportFault::Remains(left))),
    }
}

/// Leaves out each application that Gatepost would refuse by itself.
fn keep_usable(translation: &mut Translation, path: &Path) {
    let Translation { applications, sections, report } = translation;
    applications.retain(|application| match checked(std::slice::from_ref(application), sections, path) {
        Ok(()) => true,
        Err(Diagnostics { faults, .. }) => {
            for fault in faults {
                let problem = format!("{} is left out: {}: {}", application.external_host, fault.key, fault.problem);
                report.remains(&application.place, problem, fault.help);
            }
            false
        }
    });
}

/// Whether Gatepost takes the configuration. The secrets are not there yet.
fn checked(applications: &[ImportedApplication], sections: &Section, path: &Path) -> Result<(), Diagnostics> {
    let text = configuration("", applications, sections, true).to_string();
    unset_secrets::load(&text, path).map(|_| ())
}

fn configuration(program: &str, applications: &[ImportedApplication], sections: &Section, is_checked: bool) -> Section {
    let mut section = Section::default();
    section.comment(&format!(
        "Translated by `gatepost import {program}`. Compare it with the list of what does not translate, and check it with\n\
         check-config, explain and doctor. Register the redirect URI of each application at the provider:\n\
         <external_host>/outpost.goauthentik.io/callback?X-authentik-auth-callback=true"
    ));
    let applications = applications.iter().map(|application| application.to_section(is_checked));
    section.set("applications", applications.collect::<Value>());
    section.append(sections.clone());
    section
}

/// Writes a new file.
fn write(path: &Path, text: &str) -> Result<(), ImportFault> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| ImportFault::Unwritable(path.to_owned(), error))
}
