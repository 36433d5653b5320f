//! Peers that answer, stop and come back, in virtual time.

use super::*;

const PERIOD: Duration = Duration::from_secs(2);

/// A watch that pings on time, and peers that answer each ping at once while they live.
struct Scene {
    health: Health<u8>,
    now: Moment,
    /// Each peer, and from when to when it answers nothing.
    stops: Vec<(u8, Duration, Duration)>,
    verdicts: Vec<(Duration, Verdict<u8>)>,
}

impl Scene {
    fn new(stops: &[(u8, u64, u64)]) -> Scene {
        let mut health = Health::new(PERIOD);
        let seconds = Duration::from_secs;
        stops.iter().for_each(|(peer, _, _)| health.on_answer(*peer));
        Scene {
            health,
            now: Moment(0),
            stops: stops
                .iter()
                .map(|&(peer, from, to)| (peer, seconds(from), seconds(to)))
                .collect(),
            verdicts: Vec::new(),
        }
    }

    fn ping(&mut self, after: Duration) {
        self.now = self.now.plus(after);
        let age = self.now.since(Moment(0));
        let said = self.health.on_ping(self.now);
        self.verdicts
            .extend(said.into_iter().map(|verdict| (age, verdict)));
        for &(peer, from, to) in &self.stops {
            if age < from || age >= to {
                self.health.on_answer(peer);
            }
        }
    }

    fn run(&mut self, pings: usize) {
        (0..pings).for_each(|_| self.ping(PERIOD));
    }
}

#[test]
fn whoever_answers_is_never_spoken_of() {
    let mut scene = Scene::new(&[(1, 0, 0)]);
    scene.run(1_000);
    assert_eq!(scene.verdicts, []);
    assert!(scene.health.is_alive(1) && !scene.health.is_alive(2));
}

#[test]
fn whoever_stops_is_suspect_after_4_to_6_seconds_and_dead_after_10_to_12() {
    // Stopping right after a ping was answered, and right before the next: the two ends of the span.
    for stop in [4, 5, 6] {
        let mut scene = Scene::new(&[(1, stop, 1_000), (2, 0, 0)]);
        scene.run(30);
        let [(suspect, Verdict::Suspect(1)), (dead, Verdict::Dead(1))] = scene.verdicts[..] else {
            panic!("one suspicion and one death, not {:?}", scene.verdicts);
        };
        let after = |moment: Duration| moment.as_secs() - stop;
        assert!((4..=6).contains(&after(suspect)), "{suspect:?}");
        assert!((10..=12).contains(&after(dead)), "{dead:?}");
        assert!(scene.health.is_alive(2));
    }
}

#[test]
fn a_stop_of_5_seconds_is_a_suspicion_that_clears_itself() {
    let mut scene = Scene::new(&[(1, 4, 9)]);
    scene.run(4);
    assert_eq!(scene.verdicts, [(Duration::from_secs(8), Verdict::Suspect(1))]);
    assert!(!scene.health.is_alive(1));
    scene.run(20);
    assert_eq!(scene.verdicts.len(), 1);
    assert!(scene.health.is_alive(1));
}

#[test]
fn a_watcher_that_stood_still_gives_everybody_a_whole_timeout_again() {
    let mut scene = Scene::new(&[(1, 4, 49)]);
    scene.run(4);
    scene.ping(Duration::from_secs(40));
    // Timers that make up for what they missed all ring at once.
    (0..20).for_each(|_| scene.ping(Duration::ZERO));
    assert_eq!(scene.verdicts.len(), 1, "only the suspicion from before");
    assert!(scene.health.is_alive(1));
    scene.run(20);
    assert_eq!(scene.verdicts.len(), 1);
}

#[test]
fn a_peer_that_is_dead_when_the_watcher_wakes_is_found_10_seconds_later() {
    let mut scene = Scene::new(&[(1, 4, 1_000)]);
    scene.run(2);
    scene.ping(Duration::from_secs(40));
    scene.run(20);
    let dead = scene.verdicts.last().expect("it is dead");
    assert_eq!(*dead, (Duration::from_secs(54), Verdict::Dead(1)));
}

#[test]
fn timers_that_are_a_little_early_or_late_change_nothing() {
    let mut scene = Scene::new(&[(1, 4, 1_000)]);
    let jitter = [1_990, 2_010, 1_995, 2_005, 2_000, 1_999, 2_001, 1_990, 2_010];
    jitter
        .iter()
        .for_each(|&ms| scene.ping(Duration::from_millis(ms)));
    let dead = scene.verdicts.last().expect("it is dead");
    assert!(
        matches!(dead, (at, Verdict::Dead(1)) if (13..=15).contains(&at.as_secs())),
        "{dead:?}"
    );
}

#[test]
fn whoever_has_left_is_not_watched() {
    let mut scene = Scene::new(&[(1, 4, 1_000)]);
    scene.run(3);
    scene.health.on_left(1);
    scene.run(20);
    assert!(
        !scene
            .verdicts
            .iter()
            .any(|(_, verdict)| *verdict == Verdict::Dead(1))
    );
}
