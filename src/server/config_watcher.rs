//! Notices that files of the configuration changed. Not the files are watched, but the folder entries that lead to them:
//! editors and Kubernetes replace a file, a folder on the way or a symbolic link by renaming another one, and the watch of
//! what was replaced would never report again.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf, absolute};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::warn;

/// Files are read once no further change comes for this time: some programs write a file in several steps.
const QUIET: Duration = Duration::from_millis(200);
/// They are read after this time in any case.
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// The number of symbolic links that are followed on the way to one file, as Linux has it.
const MAX_LINKS: usize = 40;

/// Watches the ways to a set of files.
pub(super) struct ConfigWatcher {
    /// `None` where the operating system provides no watcher.
    watcher: Option<RecommendedWatcher>,
    entries: Arc<Mutex<BTreeSet<PathBuf>>>,
    /// The watched folders.
    folders: BTreeMap<PathBuf, FolderId>,
    changes: Arc<Notify>,
}

/// Which folder is at a path: device and inode.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FolderId(u64, u64);

impl ConfigWatcher {
    pub(super) fn new() -> Self {
        let (entries, changes) = (Arc::new(Mutex::new(BTreeSet::new())), Arc::new(Notify::new()));
        let (of_event, notify) = (Arc::clone(&entries), Arc::clone(&changes));
        let made = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let entries = of_event.lock().unwrap_or_else(PoisonError::into_inner);
            // An error may stand for events that were lost.
            if event.map_or(true, |event| concerns(&event, &entries)) {
                notify.notify_one();
            }
        });
        let watcher = made.map_err(|fault| no_watch(&fault)).ok();
        Self { watcher, entries, folders: BTreeMap::new(), changes }
    }

    /// Watches these files from now on, whether or not they exist. Returns whether something is watched that was not watched
    /// before, so that it may have changed unnoticed.
    pub(super) fn watch(&mut self, files: &[PathBuf]) -> bool {
        let entries: BTreeSet<PathBuf> = files.iter().flat_map(|file| entries_of(file)).collect();
        let parents: BTreeSet<&Path> = entries.iter().filter_map(|entry| entry.parent()).collect();
        // From the root downwards: a folder that is replaced after it was found here is noticed in the one above.
        let found: BTreeMap<PathBuf, FolderId> =
            parents.iter().filter_map(|folder| Some(((*folder).to_owned(), FolderId::at(folder)?))).collect();
        let mut before = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut has_more = !entries.is_subset(&before);
        before.clone_from(&entries);
        drop(before);
        let Some(watcher) = &mut self.watcher else { return false };
        for former in self.folders.keys().filter(|folder| self.folders.get(*folder) != found.get(*folder)) {
            // The folder may be gone, and its watch with it.
            let _ = watcher.unwatch(former);
        }
        let former = std::mem::take(&mut self.folders);
        for (folder, id) in found {
            if former.get(&folder) == Some(&id) {
                self.folders.insert(folder, id);
                continue;
            }
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    has_more = true;
                    self.folders.insert(folder, id);
                }
                // Only the folders of the files themselves have to be readable.
                Err(fault) if is_denied(&fault) && is_above(&folder, &entries) => {}
                Err(fault) => no_watch(&fault),
            }
        }
        has_more
    }

    /// Whether a file changes within the time in which a program may still be writing it.
    pub(super) async fn changes_soon(&self) -> bool {
        timeout(QUIET, self.changes.notified()).await.is_ok()
    }

    /// Waits until a file changes, and then until the changes pause.
    pub(super) async fn changed(&self) {
        self.changes.notified().await;
        let latest = Instant::now() + LONGEST_DELAY;
        let pause = async {
            loop {
                tokio::select! {
                    () = self.changes.notified() => {}
                    () = sleep(QUIET) => break,
                }
            }
        };
        // After the longest delay the files are read as they are; a later change is noticed again.
        let _ = timeout_at(latest, pause).await;
    }
}

fn no_watch(fault: &notify::Error) {
    warn!(%fault, "files of the configuration are not watched; SIGHUP makes Gatepost read them");
}

fn is_denied(fault: &notify::Error) -> bool {
    matches!(&fault.kind, ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::PermissionDenied)
}

/// Whether every entry in this folder is itself a folder on the way to a file.
fn is_above(folder: &Path, entries: &BTreeSet<PathBuf>) -> bool {
    let mut within = entries.iter().filter(|entry| entry.parent() == Some(folder));
    within.all(|entry| entries.iter().any(|other| other != entry && other.starts_with(entry)))
}

impl FolderId {
    fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().filter(fs::Metadata::is_dir).map(|folder| Self(folder.dev(), folder.ino()))
    }
}

/// The folder entries that decide which file is at `path`: each folder and each symbolic link on the way, and the file. The
/// folders in which they are contain no symbolic links themselves.
fn entries_of(path: &Path) -> Vec<PathBuf> {
    let (mut entries, mut links) = (Vec::new(), 0);
    let mut here = PathBuf::from("/");
    let mut steps: Vec<Step> = absolute(path).map(|path| steps_of(&path)).unwrap_or_default();
    while let Some(step) = steps.pop() {
        let name = match step {
            Step::Root => {
                here = PathBuf::from("/");
                continue;
            }
            Step::Up => {
                here.pop();
                continue;
            }
            Step::Down(name) => name,
        };
        let entry = here.join(name);
        match fs::read_link(&entry) {
            Ok(target) if links < MAX_LINKS => {
                links += 1;
                steps.extend(steps_of(&target));
            }
            _ => here.clone_from(&entry),
        }
        entries.push(entry);
    }
    entries
}

enum Step {
    Root,
    Up,
    Down(OsString),
}

/// The steps of a path, the last one first.
fn steps_of(path: &Path) -> Vec<Step> {
    let steps = path.components().rev().filter_map(|component| match component {
        Component::RootDir => Some(Step::Root),
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Down(name.to_owned())),
        Component::CurDir | Component::Prefix(_) => None,
    });
    steps.collect()
}

/// Whether an event may be about one of the entries.
fn concerns(event: &Event, entries: &BTreeSet<PathBuf>) -> bool {
    !matches!(event.kind, EventKind::Access(_))
        && (event.need_rescan() || event.paths.iter().any(|path| entries.contains(path)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// Waits until the change is noticed.
    async fn notices(watcher: &ConfigWatcher, change: impl FnOnce()) {
        change();
        timeout(Duration::from_secs(20), watcher.changed()).await.expect("the change is noticed");
    }

    fn watching(file: &Path) -> ConfigWatcher {
        let mut watcher = ConfigWatcher::new();
        watcher.watch(&[file.to_owned()]);
        watcher
    }

    #[tokio::test]
    async fn a_file_that_is_written_replaced_or_removed_is_noticed() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("gatepost.yaml");
        fs::write(&file, "1").unwrap();
        let watcher = watching(&file);
        notices(&watcher, || fs::write(&file, "2").unwrap()).await;
        // As editors do it: the watch of the former file would report nothing after this.
        for text in ["3", "4"] {
            let draft = folder.path().join(".gatepost.yaml.draft");
            notices(&watcher, || {
                fs::write(&draft, text).unwrap();
                fs::rename(&draft, &file).unwrap();
            })
            .await;
        }
        notices(&watcher, || fs::remove_file(&file).unwrap()).await;
        notices(&watcher, || fs::write(&file, "5").unwrap()).await;
    }

    #[tokio::test]
    async fn a_volume_of_kubernetes_is_noticed_each_time_it_is_replaced() {
        let folder = TempDir::new().unwrap();
        let mount = |version: &str| {
            fs::create_dir(folder.path().join(version)).unwrap();
            fs::write(folder.path().join(version).join("gatepost.yaml"), version).unwrap();
            symlink(version, folder.path().join("..data_tmp")).unwrap();
            fs::rename(folder.path().join("..data_tmp"), folder.path().join("..data")).unwrap();
        };
        mount("..1");
        let file = folder.path().join("gatepost.yaml");
        symlink("..data/gatepost.yaml", &file).unwrap();
        let mut watcher = watching(&file);
        for version in ["..2", "..3"] {
            notices(&watcher, || mount(version)).await;
            assert_eq!(fs::read_to_string(&file).unwrap(), version);
            watcher.watch(std::slice::from_ref(&file));
        }
    }

    #[tokio::test]
    async fn a_link_is_followed_and_other_files_are_ignored() {
        let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (link, file) = (folder.path().join("gatepost.yaml"), elsewhere.path().join("real.yaml"));
        fs::write(&file, "1").unwrap();
        symlink(&file, &link).unwrap();
        let watcher = watching(&link);
        notices(&watcher, || fs::write(&file, "2").unwrap()).await;
        let entries = watcher.entries.lock().unwrap().clone();
        let event = |path: &Path| Event::new(EventKind::Any).add_path(path.to_owned());
        let files_and_links =
            [file.canonicalize().unwrap(), folder.path().canonicalize().unwrap().join("gatepost.yaml")];
        assert!(files_and_links.iter().all(|path| concerns(&event(path), &entries)));
        assert!(!concerns(&event(&folder.path().join("sessions.db-wal")), &entries));
        let access = EventKind::Access(notify::event::AccessKind::Any);
        assert!(!concerns(&Event::new(access).add_path(file), &entries));
    }

    #[tokio::test]
    async fn a_folder_and_a_link_on_the_way_are_noticed_when_they_are_replaced() {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        let release = |name: &str| {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("gatepost.yaml"), name).unwrap();
        };
        for name in ["one", "two"] {
            release(name);
        }
        symlink("one", at("current")).unwrap();
        let file = at("current").join("gatepost.yaml");
        let mut watcher = watching(&file);
        notices(&watcher, || {
            symlink("two", at("next")).unwrap();
            fs::rename(at("next"), at("current")).unwrap();
        })
        .await;
        assert!(watcher.watch(std::slice::from_ref(&file)), "the other folder was not watched");
        assert!(!watcher.watch(std::slice::from_ref(&file)));
        notices(&watcher, || fs::remove_dir_all(at("two")).unwrap()).await;
        watcher.watch(std::slice::from_ref(&file));
        notices(&watcher, || release("two")).await;
        assert!(watcher.watch(std::slice::from_ref(&file)), "another folder has the same name");
        notices(&watcher, || fs::write(&file, "changed").unwrap()).await;
    }

    #[tokio::test]
    async fn a_file_that_does_not_exist_yet_is_noticed_when_it_is_made() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("secrets/client/secret");
        let mut watcher = watching(&file);
        notices(&watcher, || fs::create_dir_all(file.parent().unwrap()).unwrap()).await;
        assert!(watcher.watch(std::slice::from_ref(&file)));
        notices(&watcher, || fs::write(&file, "hush").unwrap()).await;
    }

    #[test]
    fn links_that_lead_in_a_circle_end() {
        let folder = TempDir::new().unwrap();
        symlink("b", folder.path().join("a")).unwrap();
        symlink("a", folder.path().join("b")).unwrap();
        assert!(entries_of(&folder.path().join("a")).iter().any(|entry| entry.ends_with("b")));
    }
}
