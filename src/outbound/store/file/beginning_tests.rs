//! A first start that is cut short at any moment leaves a file that the next start can use.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use redb::StorageBackend;
use tempfile::TempDir;

use super::*;
use crate::outbound::store::private_file;
use crate::outbound::store::testing::{block_on, key, open_file, session};

#[derive(Clone, Debug)]
enum Step {
    Resize(usize),
    Write(usize, Vec<u8>),
}

fn apply(content: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Resize(len) => content.resize(*len, 0),
        Step::Write(place, data) => content[*place..place + data.len()].copy_from_slice(data),
    }
}

/// Keeps every step that changes the file.
#[derive(Clone, Debug, Default)]
struct Recorder(Arc<Mutex<(Vec<u8>, Vec<Step>)>>);

impl Recorder {
    fn step(&self, step: Step) {
        let (content, steps) = &mut *self.0.lock().unwrap();
        apply(content, &step);
        steps.push(step);
    }
}

impl StorageBackend for Recorder {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.0.lock().unwrap().0.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.0.lock().unwrap().0[start..start + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.step(Step::Resize(usize::try_from(len).unwrap()));
        Ok(())
    }

    fn sync_data(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.step(Step::Write(usize::try_from(offset).unwrap(), data.to_vec()));
        Ok(())
    }
}

fn steps_of_a_first_start() -> Vec<Step> {
    let recorder = Recorder::default();
    drop(redb::Builder::new().create_with_backend(recorder.clone()).unwrap());
    recorder.0.lock().unwrap().1.clone()
}

#[test]
fn f_17_a_crash_at_any_moment_of_the_very_first_start_is_recovered_from() {
    let steps = steps_of_a_first_start();
    assert!(steps.len() > 2);
    for survived in 0..=steps.len() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("sessions.redb");
        drop(private_file::open_or_make(&path).unwrap());
        let mut content = Vec::new();
        steps[..survived].iter().for_each(|step| apply(&mut content, step));
        fs::write(&path, content).unwrap();
        block_on(async {
            open_file(&path).save(&key(1), session("jane", 100, 200)).await.unwrap();
            assert!(open_file(&path).load(&key(1)).await.unwrap().is_some(), "cut short after {survived} steps");
        });
    }
}

#[test]
fn what_somebody_else_began_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let path: PathBuf = directory.path().join("sessions.redb");
    drop(private_file::open_or_make(&path).unwrap());
    let mut content = Vec::new();
    steps_of_a_first_start()[..2].iter().for_each(|step| apply(&mut content, step));
    for place in [0, 3, 8, 100, 5000] {
        let mut other = content.clone();
        other[place] ^= 0x41;
        fs::write(&path, &other).unwrap();
        let refused = FileStore::open(&path, crate::outbound::store::testing::keys(1), system_entropy());
        assert!(matches!(refused, Err(OpenFault::Foreign { .. })), "byte {place}");
        assert_eq!(fs::read(&path).unwrap(), other, "is as it was");
    }
}

fn system_entropy() -> Arc<dyn Entropy> {
    Arc::new(crate::outbound::store::testing::SystemEntropy)
}
