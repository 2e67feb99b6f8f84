//! Starts and stops the Valkey servers of caches: one for the primary, and one for each replica.

use std::net::SocketAddrV4;
use std::sync::Arc;

use super::{Call, ElastiCache, Group};
use crate::valkey::{Node, Server, Valkey};

/// The running servers of a cache. Dropping this value stops them.
pub struct Servers {
    _primary: Server,
    /// The server of each replica; `None` if it couldn't be started.
    replicas: Vec<Option<Server>>,
}

impl Servers {
    /// Returns the number of replicas that have a server, or that couldn't get one.
    pub const fn replicas(&self) -> usize {
        self.replicas.len()
    }
}

impl ElastiCache {
    /// Starts the servers of a new cache, if Valkey is installed and its endpoint should answer.
    pub(super) async fn start_servers(&self, group: &Group) {
        let Some(valkey) = self.valkey.clone() else {
            return;
        };
        let parameter_group = &group.configuration.current.engine.parameter_group;
        let configuration = self.state().configuration(parameter_group);
        let mut replica_addresses = Vec::new();
        let mut servers = None;
        if group.lifecycle.answers {
            let node = Node {
                data: group.data.clone(),
                primary: None,
                configuration: configuration.clone(),
            };
            if let Some(primary) = start(Arc::clone(&valkey), group.address, node).await {
                let mut starts = Vec::new();
                for _ in 0..group.replicas() {
                    let address = self.state().addresses.next(group.address.port());
                    let node = replica(group, configuration.clone());
                    replica_addresses.push(address);
                    starts.push(tokio::spawn(start(Arc::clone(&valkey), address, node)));
                }
                let mut replicas = Vec::new();
                for start in starts {
                    replicas.push(start.await.ok().flatten());
                }
                servers = Some(Servers {
                    _primary: primary,
                    replicas,
                });
            }
        }
        {
            let mut state = self.state();
            // The group may have been deleted or replaced in the meantime. Each has its own address.
            let is_same = |current: &&mut Group| {
                current.address == group.address && current.times.deleted.is_none()
            };
            let Some(current) = state.groups.get_mut(&group.id).filter(is_same) else {
                return;
            };
            current.replica_addresses = replica_addresses;
            state.servers.insert(group.id.clone(), servers);
        }
        // The cache is available meanwhile, so it may have been modified, as may its parameter group.
        if self.configuration_of(&group.id) != Some(configuration) {
            self.configure_servers(&group.id).await;
        }
        self.scale_servers(&group.id).await;
    }

    fn configuration_of(&self, id: &str) -> Option<Vec<(String, String)>> {
        let state = self.state();
        let group = state.groups.get(id)?;
        let parameter_group = &group.configuration.current.engine.parameter_group;
        Some(state.configuration(parameter_group))
    }

    /// Makes the changes of a successful call at the cache's servers.
    pub(super) async fn update_servers(&self, call: &Call) {
        let id = call.field("ReplicationGroupId").unwrap_or_default();
        match call.operation.as_str() {
            "ModifyReplicationGroup" => self.configure_servers(id).await,
            "IncreaseReplicaCount" | "DecreaseReplicaCount" => {
                let (caches, id) = (self.clone(), id.to_owned());
                tokio::spawn(async move { caches.scale_servers(&id).await });
            }
            _ => {}
        }
    }

    /// Sets the values of a cache's parameter group on its servers.
    pub(super) async fn configure_servers(&self, id: &str) {
        let Some(valkey) = self.valkey.clone() else {
            return;
        };
        let (addresses, configuration) = {
            let state = self.state();
            let Some(group) = state.groups.get(id) else {
                return;
            };
            if !matches!(state.servers.get(id), Some(Some(_))) {
                return;
            }
            let parameter_group = &group.configuration.current.engine.parameter_group;
            (group.addresses(), state.configuration(parameter_group))
        };
        let configure = move || {
            addresses
                .into_iter()
                .try_for_each(|address| valkey.configure(address, &configuration))
        };
        let configured = tokio::task::spawn_blocking(configure).await;
        if let Err(error) = configured.map_err(Into::into).flatten() {
            eprintln!("could not configure the servers of {id}: {error:#}");
        }
    }

    /// Starts or stops servers until the cache has one for each replica.
    async fn scale_servers(&self, id: &str) {
        let Some(valkey) = self.valkey.clone() else {
            return;
        };
        self.stop_replicas(id);
        while let Some((address, node)) = self.missing_replica(id) {
            let primary = node.primary;
            let server = start(Arc::clone(&valkey), address, node).await;
            let mut state = self.state();
            // The cache may have been deleted in the meantime.
            let Some(group) = state
                .groups
                .get_mut(id)
                .filter(|group| Some(group.address) == primary)
            else {
                return;
            };
            group.replica_addresses.push(address);
            if let Some(Some(servers)) = state.servers.get_mut(id) {
                servers.replicas.push(server);
            }
        }
    }

    /// Stops the servers of removed replicas.
    fn stop_replicas(&self, id: &str) {
        let mut state = self.state();
        let Some(group) = state.groups.get_mut(id) else {
            return;
        };
        let replicas = group.replicas();
        group.replica_addresses.truncate(replicas);
        if let Some(Some(servers)) = state.servers.get_mut(id) {
            servers.replicas.truncate(replicas);
        }
    }

    /// Returns the address and the settings of a replica that has no server yet.
    fn missing_replica(&self, id: &str) -> Option<(SocketAddrV4, Node)> {
        let mut state = self.state();
        let servers = state.servers.get(id)?.as_ref()?;
        let group = state.groups.get(id)?;
        if servers.replicas() >= group.replicas() {
            return None;
        }
        let parameter_group = &group.configuration.current.engine.parameter_group;
        let node = replica(group, state.configuration(parameter_group));
        let port = group.address.port();
        Some((state.addresses.next(port), node))
    }
}

fn replica(group: &Group, configuration: Vec<(String, String)>) -> Node {
    Node {
        data: None,
        primary: Some(group.address),
        configuration,
    }
}

async fn start(valkey: Arc<Valkey>, address: SocketAddrV4, node: Node) -> Option<Server> {
    let start = move || valkey.start_node(address, &node);
    let started = tokio::task::spawn_blocking(start).await;
    match started.map_err(Into::into).flatten() {
        Ok(server) => Some(server),
        Err(error) => {
            eprintln!("could not start `valkey-server` at {address}: {error:#}");
            None
        }
    }
}
