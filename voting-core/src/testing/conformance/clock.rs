//! The promises of [`Clock`].

use std::sync::Arc;
use std::time::Duration;

use super::{Runtime, task};
use crate::seams::Clock;
use crate::time::Timestamp;

/// Makes clocks that [`Runtime::pass`] moves.
pub trait ClockBuilder: Runtime {
    /// A clock.
    fn build(&self) -> Arc<dyn Clock>;
}

/// Every case.
pub async fn run_all<B: ClockBuilder>(builder: &B) {
    monotonic_time_never_goes_back(builder).await;
    monotonic_time_follows_the_passage_of_time(builder).await;
    wall_time_is_a_plausible_date(builder);
}

/// Neither in one task nor as seen by several.
pub async fn monotonic_time_never_goes_back<B: ClockBuilder>(builder: &B) {
    let clock = builder.build();
    let readers = (0..4).map(|_| {
        let clock = Arc::clone(&clock);
        task(async move {
            let mut last = Duration::ZERO;
            for _ in 0..10_000 {
                let now = clock.monotonic();
                assert!(now >= last, "monotonic time went back from {last:?} to {now:?}");
                last = now;
            }
        })
    });
    let before = clock.monotonic();
    builder.together(readers.collect()).await;
    assert!(clock.monotonic() >= before);
}

/// A timer set by it fires.
pub async fn monotonic_time_follows_the_passage_of_time<B: ClockBuilder>(builder: &B) {
    let (clock, step) = (builder.build(), Duration::from_millis(20));
    let before = clock.monotonic();
    builder.pass(step).await;
    let passed = clock.monotonic() - before;
    assert!(passed >= step, "{step:?} passed, the clock shows {passed:?}");
}

/// After 2020, before the end of what can be written, with an error that leaves it useful.
pub fn wall_time_is_a_plausible_date<B: ClockBuilder>(builder: &B) {
    let clock = builder.build();
    let reading = clock.read();
    assert!(reading.now > Timestamp::from_millis(1_577_836_800_000).expect("a date in range"), "{}", reading.now);
    assert!(reading.now < Timestamp::MAX, "{}", reading.now);
    assert!(reading.error_bound < Duration::from_secs(60), "{:?}", reading.error_bound);
    let again = clock.now();
    assert!(again.since(reading.now).max(reading.now.since(again)) < Duration::from_secs(60));
}
