//! Which loads are shared, given the state of the client-side cache.

use std::future::{pending, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::outbound::store::redis::client_side_cache::ClientSideCache;
use crate::outbound::store::testing::key;
use crate::single_flight::SingleFlight;

type Change = fn(&ClientSideCache);

#[tokio::test]
async fn a_load_from_before_a_change_is_not_joined() {
    let (loads, client_side_cache) =
        (SingleFlight::new(8), ClientSideCache::new(1 << 20, Duration::ZERO, Instant::now()));
    let changes: [Change; 4] = [
        |client_side_cache| client_side_cache.drop_session(&key(0)),
        |client_side_cache| client_side_cache.drop_user(&[1; 32]),
        ClientSideCache::drop_all,
        |client_side_cache| client_side_cache.open(client_side_cache.new_link()),
    ];
    for change in changes {
        loads.join(client_side_cache.begin_load(&key(0)), || Some(pending())).expect("begins");
        let same = loads.join(client_side_cache.begin_load(&key(0)), || Some(ready("its own"))).expect("is under way");
        assert_eq!(same.result_within(Duration::ZERO).await, None);
        change(&client_side_cache);
        let after = loads.join(client_side_cache.begin_load(&key(0)), || Some(ready("its own"))).expect("begins");
        assert_eq!(after.result().await, Some("its own"));
    }
}
