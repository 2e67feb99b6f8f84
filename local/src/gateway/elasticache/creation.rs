//! Simulates the duration and the outcome of a cache's creation.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::events::Event;
use super::pending::Deferrable;
use super::settings::Settings;
use super::{Call, ElastiCache, Group, Lifecycle, Outcome, Times, logs, number};

impl ElastiCache {
    /// Creates a cache, whose creation ends after the time that its lifecycle sets.
    pub(super) fn create(&self, call: &Call) {
        let id = call
            .field("ReplicationGroupId")
            .unwrap_or_default()
            .to_owned();
        let port = number(call, "Port").and_then(|port| u16::try_from(port).ok());
        let data = call
            .field("SnapshotName")
            .and_then(|name| self.snapshot(name)?.data());
        let group = {
            let mut state = self.state();
            let lifecycle = match state.lifecycles.get_mut(&id) {
                Some(lifecycles) if lifecycles.len() > 1 => {
                    lifecycles.pop_front().unwrap_or_default()
                }
                Some(lifecycles) => lifecycles.front().cloned().unwrap_or_default(),
                None => Lifecycle::default(),
            };
            let created = self.clock.now();
            let logs_changed = created + lifecycle.creating - lifecycle.modifying;
            let group = Group {
                logs_changed: logs::changes_deliveries(call).then_some(logs_changed),
                lifecycle,
                times: Times {
                    created,
                    ..Times::default()
                },
                created_at: SystemTime::now(),
                address: state.addresses.next(port.unwrap_or(6379)),
                replica_addresses: Vec::new(),
                nodes: number(call, "NumCacheClusters").unwrap_or(1),
                configuration: Deferrable::requested(call),
                settings: Settings::requested(call),
                failed_members: BTreeMap::new(),
                loses_replicas: false,
                global_datastore: None,
                described: Vec::new(),
                subnet_group_name: call
                    .field("CacheSubnetGroupName")
                    .unwrap_or_default()
                    .to_owned(),
                security_groups: call
                    .list("SecurityGroupIds")
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
                data,
                last_description: None,
                last_member: None,
                id: id.clone(),
            };
            let replaced = state.groups.insert(id, group.clone());
            state.replaced.extend(replaced);
            group
        };
        let caches = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(caches.clock.real(group.lifecycle.creating)).await;
            caches.end_creation(&group).await;
        });
    }

    /// Adds the creation's events, and starts the cache's servers if it is available.
    async fn end_creation(&self, group: &Group) {
        let member = format!("{}-001", group.id);
        let messages = match &group.lifecycle.outcome {
            Outcome::Failed { reason } => vec![("cache-cluster", member, reason.clone())],
            Outcome::Available | Outcome::Undocumented { .. } => vec![
                ("cache-cluster", member, "Cache cluster created".to_owned()),
                (
                    "replication-group",
                    group.id.clone(),
                    format!("Replication group {} created", group.id),
                ),
            ],
        };
        let date = SystemTime::now();
        let events = messages
            .into_iter()
            .map(|(source_type, source, message)| Event {
                source_type,
                source,
                message,
                date,
            });
        self.state().events.extend(events);
        if group.lifecycle.outcome == Outcome::Available {
            self.start_servers(group).await;
        }
    }

    /// Makes a cache available, and starts its servers.
    pub(in crate::gateway) async fn recover(&self, id: &str) {
        let recovered = {
            let mut state = self.state();
            let Some(group) = state.groups.get_mut(id) else {
                return;
            };
            group.lifecycle.outcome = Outcome::Available;
            group.lifecycle.answers = true;
            group.clone()
        };
        self.start_servers(&recovered).await;
    }
}
