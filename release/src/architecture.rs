//! The processor architectures that a release is built for.

use anyhow::{Result, ensure};

/// A processor architecture of Lambda functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    X86_64,
    Arm64,
}

impl Architecture {
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Arm64];

    /// Returns the architecture with a name of Lambda's, if it is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|architecture| architecture.name() == name)
    }

    /// Returns its name, as in the template's parameter `Architecture`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    /// Returns Rust's target.
    pub const fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// Checks that a program in the ELF format is for this architecture.
    ///
    /// # Errors
    /// Returns an error if it isn't.
    pub fn check(self, program: &[u8]) -> Result<()> {
        // The field `e_machine`, in little endian: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
        let machine = match self {
            Self::X86_64 => 62_u16,
            Self::Arm64 => 183,
        };
        ensure!(
            program.starts_with(b"\x7fELF") && program.get(18..20) == Some(&machine.to_le_bytes()),
            "the program isn't built for {}",
            self.name()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Architecture;

    /// Returns the beginning of a program with this value of `e_machine`.
    fn program(machine: u8) -> Vec<u8> {
        let mut header = b"\x7fELF".to_vec();
        header.resize(18, 0);
        header.extend([machine, 0]);
        header
    }

    #[test]
    fn accepts_only_programs_of_the_architecture() {
        let cases = [
            (Architecture::X86_64, program(62), true),
            (Architecture::Arm64, program(183), true),
            (Architecture::X86_64, program(183), false),
            (Architecture::Arm64, program(62), false),
            (Architecture::X86_64, b"#!/bin/sh\nexit 1\n".to_vec(), false),
            (Architecture::X86_64, Vec::new(), false),
        ];
        for (architecture, program, expected) in cases {
            let checked = architecture.check(&program);

            assert_eq!(checked.is_ok(), expected, "{architecture:?}");
        }
    }
}
