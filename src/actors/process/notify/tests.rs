//! The datagrams as a service manager receives them.

use super::*;

struct Manager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Manager {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        Manager { socket, folder }
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        match name {
            "NOTIFY_SOCKET" => Some(self.folder.path().join("notify").into()),
            "WATCHDOG_USEC" => Some("30000000".into()),
            _ => None,
        }
    }

    fn heard(&self) -> String {
        let mut bytes = [0; 512];
        let len = self.socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..len].to_vec()).unwrap()
    }
}

#[test]
fn each_fact_is_one_datagram() {
    let manager = Manager::new();
    let notifier = Notifier::from_environment(|name| manager.variable(name));
    notifier.status("importing:\n10 %", Some(Duration::from_secs(20)));
    notifier.ready();
    notifier.alive();
    notifier.stopping();
    assert_eq!(
        manager.heard(),
        "STATUS=importing: 10 %\nEXTEND_TIMEOUT_USEC=20000000"
    );
    assert_eq!(manager.heard(), "READY=1");
    assert_eq!(manager.heard(), "WATCHDOG=1");
    assert_eq!(manager.heard(), "STOPPING=1");
}

#[test]
fn the_watchdog_is_fed_twice_in_its_time_and_only_by_the_process_it_is_meant_for() {
    let manager = Manager::new();
    let beat = |pid: Option<&str>| {
        let variable = |name: &str| match name {
            "WATCHDOG_PID" => pid.map(OsString::from),
            name => manager.variable(name),
        };
        Notifier::from_environment(variable).beat()
    };
    let half = Some(Duration::from_secs(15));
    assert_eq!(beat(None), half);
    assert_eq!(beat(Some(&std::process::id().to_string())), half);
    assert_eq!(beat(Some("1")), None);
}

#[test]
fn without_a_manager_or_with_one_that_is_gone_nothing_happens() {
    let nobody = Notifier::from_environment(|_| None);
    nobody.ready();
    assert_eq!(nobody.beat(), None);
    let gone = Notifier::from_environment(|name| Manager::new().variable(name));
    gone.ready();
}
