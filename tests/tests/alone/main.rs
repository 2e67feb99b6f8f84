//! Tests that need a stack of their own, because they change it for every run or need other settings. They run in parallel.

mod costs;
mod errors;
mod event_ordering;
mod interruptions;
mod permissions;
mod restore;
mod servers;
mod verification;

use std::sync::OnceLock;

use envcache_tests::{World, matrix};
use local::Settings;

/// Returns a stack whose caches are Valkey servers. It is deployed once.
fn valkey_world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let settings = Settings {
            valkey: true,
            ..matrix::SETTINGS
        };
        World::deploy_with(settings).unwrap_or_else(|error| panic!("{error:#}"))
    })
}
