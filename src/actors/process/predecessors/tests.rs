//! Lists that a supervisor left: true, stale, or of another version or start of the machine.

use super::*;
use std::process::{Child, Command};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a list of one child of ours, called `telnet`.
struct Scene {
    folder: TempDir,
    child: Child,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        remember(folder.path(), [("telnet", child.id())].into_iter()).unwrap();
        Scene { folder, child }
    }

    fn change(&self, change: impl Fn(&str) -> String) {
        let path = list_path(self.folder.path());
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, change(&text)).unwrap();
    }

    fn take_over(&self) -> Left {
        take_over(self.folder.path(), &["daemon", "telnet"], PATIENCE).unwrap()
    }

    fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_process_that_runs_on_is_found_by_name() {
    let mut scene = Scene::new();
    let left = scene.take_over();
    let [(name, handle)] = &left.orphans[..] else {
        panic!("one orphan is found, not {left:?}");
    };
    assert_eq!((name.as_str(), handle.pid()), ("telnet", scene.child.id()));
    assert_eq!(left.ended, 0);
    assert!(!handle.wait(Duration::ZERO) && scene.runs());
    handle.signal(Signal::KILL).unwrap();
    assert!(handle.wait(PATIENCE));
}

#[test]
fn a_number_that_another_process_took_over_is_left_alone() {
    let mut scene = Scene::new();
    let pid = scene.child.id().to_string();
    scene.change(|text| text.replace(&format!("{pid} "), &format!("{pid} 1")));
    let left = scene.take_over();
    assert!(left.orphans.is_empty() && left.ended == 0);
    assert!(scene.runs());
}

#[test]
fn a_list_from_before_the_machine_was_started_is_not_believed() {
    let mut scene = Scene::new();
    scene.change(|text| text.replacen('-', "+", 1));
    assert!(scene.take_over().orphans.is_empty());
    assert!(scene.runs());
}

#[test]
fn a_process_of_another_version_is_ended() {
    let mut scene = Scene::new();
    scene.change(|text| format!("0{text}"));
    let left = scene.take_over();
    assert_eq!((left.orphans.len(), left.ended), (0, 1));
    assert!(!scene.child.wait().unwrap().success());
}

#[test]
fn a_process_that_is_no_child_any_more_is_ended() {
    let mut scene = Scene::new();
    let left = take_over(scene.folder.path(), &["daemon"], PATIENCE).unwrap();
    assert_eq!((left.orphans.len(), left.ended), (0, 1));
    assert!(!scene.child.wait().unwrap().success());
}

#[test]
fn a_list_that_is_missing_or_makes_no_sense_is_an_empty_one() {
    let mut scene = Scene::new();
    scene.change(|text| format!("{}\nnonsense\n1 2\n\n", text.lines().next().unwrap()));
    assert!(scene.take_over().orphans.is_empty());
    fs::remove_file(list_path(scene.folder.path())).unwrap();
    assert!(scene.take_over().orphans.is_empty());
    assert!(scene.runs());
}

#[test]
fn a_shorter_list_leaves_nothing_of_a_longer_one() {
    let mut scene = Scene::new();
    let own = std::process::id();
    let longer = [("telnet", scene.child.id()), ("daemon", own)];
    remember(scene.folder.path(), longer.into_iter()).unwrap();
    assert_eq!(scene.take_over().orphans.len(), 2);
    remember(scene.folder.path(), [("telnet", scene.child.id())].into_iter()).unwrap();
    assert_eq!(scene.take_over().orphans.len(), 1);
    assert!(scene.runs());
}
