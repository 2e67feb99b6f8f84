//! Simulates snapshots with the data of a cache, and restores. MiniStack stores a snapshot's name and tags.

use std::path::PathBuf;

use anyhow::Result;

use super::{
    Call, ElastiCache, Element, ErrorResponse, Group, Received, Reply, Upstream,
    invalid_combination, invalid_value,
};
use super::{reply_from_answer, reply_from_xml};

/// What MiniStack doesn't store about a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    name: String,
    engine: String,
    version: String,
    node_type: String,
    data_tiering: bool,
    /// The data in the RDB format; none if no server was running.
    data: Option<PathBuf>,
}

impl Snapshot {
    fn of(group: &Group, name: &str, data: Option<PathBuf>) -> Self {
        let configuration = &group.configuration.current;
        Self {
            name: name.to_owned(),
            engine: configuration.engine.name.clone(),
            version: configuration.engine.member_version().to_owned(),
            node_type: configuration.node_type.clone(),
            data_tiering: group.settings.has_data_tiering(),
            data,
        }
    }

    /// Returns the file with the data.
    pub fn data(&self) -> Option<PathBuf> {
        self.data.clone()
    }

    /// Sets the elements in a description of the snapshot
    /// ([Snapshot](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_Snapshot.html)).
    fn describe(&self, element: &mut Element) {
        let tiering = if self.data_tiering {
            "enabled"
        } else {
            "disabled"
        };
        for (name, value) in [
            ("Engine", self.engine.as_str()),
            ("EngineVersion", &self.version),
            ("CacheNodeType", &self.node_type),
            ("NumNodeGroups", "1"),
            ("DataTiering", tiering),
        ] {
            element.set(Element::leaf(name, value));
        }
    }

    /// Rejects a restore to nodes without data tiering if the snapshot has it
    /// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/data-tiering.html>). AWS's message isn't known.
    fn reject(&self, call: &Call) -> Option<ErrorResponse> {
        let requested = call.field("DataTieringEnabled") == Some("true");
        (self.data_tiering && !requested).then(|| {
            invalid_combination(format!(
                    "Snapshot {} has data tiering and can only be restored to a cluster with data tiering.",
                    self.name
                ),
            )
        })
    }
}

/// Completes every snapshot in an answer.
pub fn describe(answer: &mut Element, snapshots: &[Snapshot]) {
    answer.each("Snapshot", &mut |element| {
        let name = element.text_of("SnapshotName");
        if let Some(snapshot) = snapshots.iter().find(|snapshot| snapshot.name == name) {
            snapshot.describe(element);
        }
    });
}

impl ElastiCache {
    /// Rejects a creation from a snapshot that doesn't exist or doesn't fit, or from a snapshot and files. AWS's messages
    /// aren't known. The codes are those that the
    /// [API reference](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html) lists;
    /// it lists none for a missing snapshot.
    pub(super) fn reject_restore(&self, call: &Call) -> Option<ErrorResponse> {
        if call.operation != "CreateReplicationGroup" {
            return None;
        }
        let name = call.field("SnapshotName")?;
        if !call.list("SnapshotArns").is_empty() {
            return Some(invalid_combination(
                "SnapshotName and SnapshotArns can't both be specified.",
            ));
        }
        match self.snapshot(name) {
            Some(snapshot) => snapshot.reject(call),
            None => Some(invalid_value(format!("Snapshot {name} not found."))),
        }
    }

    /// Returns the snapshot with this name.
    pub(super) fn snapshot(&self, name: &str) -> Option<Snapshot> {
        let state = self.state();
        let mut snapshots = state.snapshots.iter();
        snapshots.find(|snapshot| snapshot.name == name).cloned()
    }

    /// Creates a snapshot of a cache that stays.
    pub(super) async fn create_snapshot(
        &self,
        call: &Call,
        request: &Received,
        upstream: &Upstream,
    ) -> Result<Reply> {
        let answer = upstream.forward(request).await?;
        if !answer.status.is_success() {
            return Ok(reply_from_answer(answer));
        }
        let name = call.field("SnapshotName").unwrap_or_default();
        let id = call.field("ReplicationGroupId").unwrap_or_default();
        self.save_snapshot(name, id).await;
        let mut element = Element::read(&answer.body)?;
        self.show(&mut element);
        Ok(reply_from_xml(&element))
    }

    /// Saves what MiniStack doesn't store about a snapshot of a cache, and the data of the cache's server.
    pub(super) async fn save_snapshot(&self, name: &str, id: &str) {
        let (group, is_running) = {
            let state = self.state();
            let Some(group) = state.groups.get(id).cloned() else {
                return;
            };
            (group, matches!(state.servers.get(id), Some(Some(_))))
        };
        let valkey = self.valkey.clone().filter(|_| is_running);
        let data = match valkey {
            None => None,
            Some(valkey) => {
                let (address, name) = (group.address, name.to_owned());
                let save = move || valkey.save(address, &name);
                let saved = tokio::task::spawn_blocking(save).await;
                match saved.map_err(Into::into).flatten() {
                    Ok(file) => Some(file),
                    Err(error) => {
                        eprintln!("could not save the data of {id}: {error:#}");
                        None
                    }
                }
            }
        };
        let snapshot = Snapshot::of(&group, name, data);
        self.state().snapshots.push(snapshot);
    }

    /// Forgets a deleted snapshot.
    pub(super) fn delete_snapshot(&self, call: &Call) {
        let name = call.field("SnapshotName").unwrap_or_default();
        let mut state = self.state();
        state.snapshots.retain(|snapshot| snapshot.name != name);
    }
}

#[cfg(test)]
mod tests {
    use super::{Snapshot, describe};
    use crate::gateway::call::Call;
    use crate::gateway::xml::Element;

    fn snapshot(data_tiering: bool) -> Snapshot {
        Snapshot {
            name: "sessions".to_owned(),
            engine: "valkey".to_owned(),
            version: "8.2.0".to_owned(),
            node_type: "cache.r6gd.xlarge".to_owned(),
            data_tiering,
            data: None,
        }
    }

    #[test]
    fn snapshot_is_described_like_its_cache() {
        let described = |name: &str| {
            let element = Element::with(
                "Snapshot",
                [
                    Element::leaf("SnapshotName", name),
                    Element::leaf("Engine", "redis"),
                ],
            );
            let mut answer = Element::with("Snapshots", [element]);
            describe(&mut answer, &[snapshot(true)]);
            let snapshot = answer.child("Snapshot").cloned().expect("a snapshot");
            ["Engine", "EngineVersion", "DataTiering"].map(|name| snapshot.text_of(name).to_owned())
        };

        assert_eq!(described("sessions"), ["valkey", "8.2.0", "enabled"]);
        assert_eq!(described("other"), ["redis", "", ""]);
    }

    #[test]
    fn data_tiering_stays() {
        let is_rejected =
            |tiered, fields: &str| snapshot(tiered).reject(&Call::form(fields)).is_some();

        assert!(is_rejected(true, ""));
        assert!(!is_rejected(true, "DataTieringEnabled=true"));
        assert!(!is_rejected(false, ""));
        assert!(!is_rejected(false, "DataTieringEnabled=true"));
    }
}
