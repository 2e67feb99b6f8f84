//! The programs in Python that envcache is compared with, in `bench/peers`.

use std::path::PathBuf;

use local::Workspace;

/// Returns the Python interpreter of the peers, with the packages of `bench/requirements.txt`. `make bench` installs it.
pub fn python() -> PathBuf {
    Workspace::root().join(".venv-bench/bin/python")
}
