//! Which loads are shared, beside what the mirror knows.

use std::future::{pending, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::outbound::store::redis::mirror::Mirror;
use crate::outbound::store::testing::key;
use crate::single_flight::SingleFlight;

type Change = fn(&Mirror);

#[tokio::test]
async fn a_load_from_before_a_change_is_not_joined() {
    let (loads, mirror) = (SingleFlight::new(8), Mirror::new(1 << 20, Duration::ZERO, Instant::now()));
    let changes: [Change; 4] = [
        |mirror| mirror.drop_session(&key(0)),
        |mirror| mirror.drop_user(&[1; 32]),
        Mirror::drop_all,
        |mirror| mirror.open(mirror.new_link()),
    ];
    for change in changes {
        loads.join(mirror.begin_load(&key(0)), || Some(pending())).expect("begins");
        let same = loads.join(mirror.begin_load(&key(0)), || Some(ready("its own"))).expect("is under way");
        assert_eq!(same.result_within(Duration::ZERO).await, None);
        change(&mirror);
        let after = loads.join(mirror.begin_load(&key(0)), || Some(ready("its own"))).expect("begins");
        assert_eq!(after.result().await, Some("its own"));
    }
}
