//! A cache comes, and is available once its time has come.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::events::Event;
use super::version::Engine;
use super::{Call, ElastiCache, Group, Lifecycle, Outcome, Times, number};

impl ElastiCache {
    pub(super) fn create(&self, call: &Call) {
        let id = call
            .field("ReplicationGroupId")
            .unwrap_or_default()
            .to_owned();
        let port = number(call, "Port").and_then(|port| u16::try_from(port).ok());
        let group = {
            let mut state = self.state();
            let lifecycle = match state.lives.get_mut(&id) {
                Some(lives) if lives.len() > 1 => lives.pop_front().unwrap_or_default(),
                Some(lives) => lives.front().cloned().unwrap_or_default(),
                None => Lifecycle::default(),
            };
            let group = Group {
                lifecycle,
                times: Times {
                    created: self.clock.now(),
                    ..Times::default()
                },
                created_at: SystemTime::now(),
                address: state.addresses.next(port.unwrap_or(6379)),
                nodes: number(call, "NumCacheClusters").unwrap_or(1),
                engine: Engine::requested(call),
                failed_members: BTreeMap::new(),
                loses_replicas: false,
                subnets: call
                    .field("CacheSubnetGroupName")
                    .unwrap_or_default()
                    .to_owned(),
                security_groups: call
                    .list("SecurityGroupIds")
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
                last_shown: None,
                last_member: None,
                id: id.clone(),
            };
            let earlier = state.groups.insert(id, group.clone());
            state.earlier.extend(earlier);
            group
        };
        let caches = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(caches.clock.real(group.lifecycle.creating)).await;
            caches.end_creation(&group).await;
        });
    }

    /// Its event, and somebody who answers at its endpoint.
    async fn end_creation(&self, group: &Group) {
        let first = format!("{}-001", group.id);
        let told = match &group.lifecycle.outcome {
            Outcome::Failed { reason } => vec![("cache-cluster", first, reason.clone())],
            Outcome::Available | Outcome::Undocumented { .. } => vec![
                ("cache-cluster", first, "Cache cluster created".to_owned()),
                (
                    "replication-group",
                    group.id.clone(),
                    format!("Replication group {} created", group.id),
                ),
            ],
        };
        let date = SystemTime::now();
        let told = told
            .into_iter()
            .map(|(source_type, source, message)| Event {
                source_type,
                source,
                message,
                date,
            });
        self.state().events.extend(told);
        if group.lifecycle.outcome == Outcome::Available {
            self.open(group).await;
        }
    }

    /// Starts the server behind the endpoint, where there is to be a real one.
    async fn open(&self, group: &Group) {
        let Some(valkey) = self.valkey.clone() else {
            return;
        };
        let (address, answers) = (group.address, group.lifecycle.answers);
        let start = move || answers.then(|| valkey.start(address)).transpose();
        let started = tokio::task::spawn_blocking(start).await;
        let server = match started.map_err(Into::into).flatten() {
            Ok(server) => server,
            Err(error) => {
                eprintln!("no valkey-server for {}: {error:#}", group.id);
                None
            }
        };
        let mut state = self.state();
        let is_there = |found: &Group| found.times == group.times;
        if state.groups.get(&group.id).is_some_and(is_there) {
            state.servers.insert(group.id.clone(), server);
        }
    }

    /// AWS mends a cache: it is available, and answers.
    pub(in crate::gateway) async fn recover(&self, id: &str) {
        let mended = {
            let mut state = self.state();
            let Some(group) = state.groups.get_mut(id) else {
                return;
            };
            group.lifecycle.outcome = Outcome::Available;
            group.lifecycle.answers = true;
            group.clone()
        };
        self.open(&mended).await;
    }
}
