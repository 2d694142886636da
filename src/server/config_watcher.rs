//! Notices that files of the configuration changed. Folders are watched, not files: editors and Kubernetes replace a file by
//! renaming another one, and the watch of a replaced file would never report again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

/// Files are read once no further change comes for this time: some programs write a file in several steps.
const QUIET: Duration = Duration::from_millis(200);
/// They are read after this time in any case.
const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// Watches the folders of a set of files.
pub(super) struct ConfigWatcher {
    /// `None` where the operating system provides no watcher.
    watcher: Option<RecommendedWatcher>,
    files: Arc<Mutex<BTreeSet<PathBuf>>>,
    folders: BTreeSet<PathBuf>,
    changes: Arc<Notify>,
}

impl ConfigWatcher {
    pub(super) fn new() -> Self {
        let (files, changes) = (Arc::new(Mutex::new(BTreeSet::new())), Arc::new(Notify::new()));
        let (of_event, notify) = (Arc::clone(&files), Arc::clone(&changes));
        let made = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let files = of_event.lock().unwrap_or_else(PoisonError::into_inner);
            // An error may stand for events that were lost.
            if event.map_or(true, |event| concerns(&event, &files)) {
                notify.notify_one();
            }
        });
        let watcher = made.map_err(|fault| no_watch(&fault)).ok();
        Self { watcher, files, folders: BTreeSet::new(), changes }
    }

    /// Watches these files from now on. A symbolic link is watched together with the file to which it leads.
    pub(super) fn watch(&mut self, files: &[PathBuf]) {
        let paths = files.iter().flat_map(|file| absolute(file).into_iter().chain(file.canonicalize()));
        let paths: BTreeSet<PathBuf> = paths.collect();
        let folders: BTreeSet<PathBuf> = paths.iter().filter_map(|path| path.parent()).map(Path::to_owned).collect();
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = paths;
        let Some(watcher) = &mut self.watcher else { return };
        for former in self.folders.difference(&folders) {
            // The folder may be gone, and its watch with it.
            let _ = watcher.unwatch(former);
        }
        self.folders.clear();
        for folder in folders {
            // Also where the path was watched before: it may lead to another folder now.
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.folders.insert(folder)),
                Err(fault) => no_watch(&fault),
            }
        }
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

/// Whether an event may be about one of the files. Kubernetes replaces all files of a volume by renaming `..data`.
fn concerns(event: &Event, files: &BTreeSet<PathBuf>) -> bool {
    let is_hidden_folder =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
    !matches!(event.kind, EventKind::Access(_))
        && (event.need_rescan() || event.paths.iter().any(|path| files.contains(path) || is_hidden_folder(path)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;
    use tokio::time::timeout;

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
        let files = watcher.files.lock().unwrap().clone();
        let event = |path: &Path| Event::new(EventKind::Any).add_path(path.to_owned());
        assert!(concerns(&event(&file), &files) && concerns(&event(&link), &files));
        assert!(!concerns(&event(&folder.path().join("sessions.db-wal")), &files));
        let access = EventKind::Access(notify::event::AccessKind::Any);
        assert!(!concerns(&Event::new(access).add_path(file), &files));
    }
}
