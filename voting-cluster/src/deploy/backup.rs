//! Settings of the backups that gateways make by themselves.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Most hours between two backups: a year.
const MAX_BACKUP_HOURS: u32 = 366 * 24;
/// Most backups kept: the folder is read at every look, each file's first line included.
const MAX_BACKUPS_KEPT: usize = 1_000;

/// Backups that gateways make by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupSettings {
    /// Where they are written; made if it is missing.
    pub folder: PathBuf,
    /// Hours from one to the next.
    #[serde(default = "default_backup_hours")]
    pub every_hours: u32,
    /// How many are kept; older ones are deleted once a new one is complete.
    #[serde(default = "default_backups_kept")]
    pub keep: usize,
}

fn default_backup_hours() -> u32 {
    24
}

fn default_backups_kept() -> usize {
    14
}

impl BackupSettings {
    /// What is wrong with them, by setting.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.folder.as_os_str().is_empty() {
            return Err("backup.folder is empty; name a folder".to_owned());
        }
        if !(1..=MAX_BACKUP_HOURS).contains(&self.every_hours) {
            return Err(format!("backup.every_hours is {}; it must be between 1 and {MAX_BACKUP_HOURS}", self.every_hours));
        }
        if !(1..=MAX_BACKUPS_KEPT).contains(&self.keep) {
            return Err(format!("backup.keep is {}; it must be between 1 and {MAX_BACKUPS_KEPT}", self.keep));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::{GatewaySettings, Overrides};
    use super::*;

    const GATEWAY: &str = r#"
        name = "gateway-0"
        genesis = "genesis.json"
        data = "data"
        officer_key = "o.key"
        registrar_key = "r.key"
        pseudonym_secret = "p.key"
        [redis]
        servers = ["redis://one:7000"]
    "#;

    #[test]
    fn backups_are_off_until_a_folder_is_named_and_bad_values_are_named() {
        let load = |backup: &str, overrides: &[&str]| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("gateway-0.toml");
            std::fs::write(&path, format!("{GATEWAY}{backup}")).unwrap();
            let loaded = GatewaySettings::load(&path, &Overrides::parse(overrides).unwrap());
            loaded.map(|settings| (settings, folder)).map_err(|error| error.to_string())
        };
        assert_eq!(load("", &[]).unwrap().0.backup, None);
        let (settings, folder) = load("[backup]\nfolder = \"backups\"\n", &[]).unwrap();
        let expected = BackupSettings { folder: folder.path().join("backups"), every_hours: 24, keep: 14 };
        assert_eq!(settings.backup, Some(expected));
        let (settings, _) = load("", &["backup.folder=/b", "backup.every_hours=1", "backup.keep=2"]).unwrap();
        assert_eq!(settings.backup, Some(BackupSettings { folder: "/b".into(), every_hours: 1, keep: 2 }));
        let cases = [
            ("every_hours = 0", "backup.every_hours is 0"),
            ("every_hours = 9000", "backup.every_hours is 9000"),
            ("keep = 0", "backup.keep is 0"),
            ("keep = 1001", "backup.keep is 1001"),
            ("every_hours = -1", "every_hours"),
            ("often = 3", "often"),
        ];
        for (setting, named) in cases {
            let error = load(&format!("[backup]\nfolder = \"b\"\n{setting}\n"), &[]).unwrap_err();
            assert!(error.contains("gateway-0.toml") && error.contains(named), "{setting}: {error}");
        }
        assert!(load("[backup]\nkeep = 3\n", &[]).unwrap_err().contains("folder"));
        assert!(load("[backup]\nfolder = \"\"\n", &[]).unwrap_err().contains("backup.folder"));
    }
}
