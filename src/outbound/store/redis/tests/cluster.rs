//! A cluster of three masters.

use std::process::Command;

use super::keeps_the_contract;
use crate::outbound::store::redis::Topology;
use crate::outbound::store::redis::testing::{Make, Server, eventually, settings, store};
use crate::outbound::store::testing::{block_on, key, session, user};
use crate::ports::{Cursor, SessionStore};

/// A cluster without replicas.
pub(super) struct Cluster(Vec<Server>);

impl Cluster {
    pub(super) fn start() -> Self {
        let nodes: Vec<Server> = (0..3)
            .map(|_| Server::start_with(Make::Redis, &["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]))
            .collect();
        let addresses = nodes.iter().map(|node| node.address().to_string());
        let create = ["--cluster", "create", "--cluster-replicas", "0", "--cluster-yes"];
        let made = Command::new("redis-cli").args(&create[..2]).args(addresses).args(&create[2..]).output();
        let made = made.expect("redis-cli");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        for node in &nodes {
            node.wait_until("the cluster is complete", || {
                node.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
            });
        }
        Self(nodes)
    }

    /// Two seeds are enough to discover all three.
    pub(super) fn topology(&self) -> Topology {
        Topology::Cluster { seeds: self.0.iter().skip(1).map(Server::address).collect() }
    }
}

#[test]
fn a_cluster_keeps_the_contract() {
    let cluster = Cluster::start();
    keeps_the_contract(&cluster.topology());
    walks_through_all_nodes(&cluster);
}

fn walks_through_all_nodes(cluster: &Cluster) {
    block_on(async {
        let store = store(settings(cluster.topology()));
        for number in 0..60 {
            let subject = format!("user {number}");
            store.save(&key(number), session(&subject, 0, 9000)).await.expect("saves");
        }
        for node in &cluster.0 {
            assert!(node.ask::<i64>(&["DBSIZE"]) > 0, "users are spread");
        }
        let (mut found, mut from) = (Vec::new(), Some(Cursor::default()));
        while let Some(cursor) = from {
            let page = store.page(&cursor, 7).await.expect("a page");
            found.extend(page.sessions.into_iter().map(|listed| listed.key));
            from = page.next;
        }
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 60);
        for node in &cluster.0 {
            let _: () = node.ask(&["SCRIPT", "FLUSH"]);
        }
        eventually("scripts are brought to each node", async || {
            let mut ended = 0;
            for number in 0..60 {
                ended += store.end_user(&user(&format!("user {number}"))).await.expect("ends").len();
            }
            ended == 60
        })
        .await;
    });
}
