//! Making a backup: a walk through the store, page by page.

use std::path::Path;

use voting_core::ids::ElectionId;
use voting_core::seams::{KeyClass, Store};

use super::file::Writer;
use super::{About, BackupError, Summary, blocking};
use crate::roll::BUCKETS;
use crate::{accounts, roll};

/// Values in memory at a time.
const PAGE: usize = 500;

/// Writes every account and every roll that the store lists into a file, and the rolls of `elections` besides, which
/// are then listed as well. The file appears under its name, readable by its owner only, when it is complete and
/// on disk; one that exists stays unless `replace` says otherwise. A dropped call leaves no file of that name.
///
/// # Errors
/// [`BackupError::Exists`], [`BackupError::File`], [`BackupError::Store`].
pub async fn create(
    store: &dyn Store,
    about: &About,
    elections: impl IntoIterator<Item = ElectionId> + Send,
    to: &Path,
    replace: bool,
) -> Result<Summary, BackupError> {
    if !replace && to.exists() {
        return Err(BackupError::Exists { path: to.to_owned() });
    }
    let listed = roll::registered(store).await?;
    let mut all = listed.clone();
    all.extend(elections);
    let mut writer = {
        let (to, about) = (to.to_owned(), about.clone());
        blocking(&to.clone(), move || Writer::begin(&to, &about)).await?
    };
    for digit in BUCKETS.chars() {
        writer = walk(store, writer, to, &accounts::tag(digit), accounts::PATHS).await?.0;
    }
    for election in all {
        let mut voters = 0;
        for bucket in BUCKETS.chars() {
            let walked = walk(store, writer, to, &roll::tag(election, bucket), roll::PATHS).await?;
            (writer, voters) = (walked.0, voters + walked.1);
        }
        if voters > 0 && !listed.contains(&election) {
            roll::register(store, election).await?;
        }
    }
    blocking(to, move || writer.finish(replace)).await
}

/// Writes all values of a tag; returns how many they are.
async fn walk(store: &dyn Store, mut writer: Writer, to: &Path, tag: &str, prefix: &str) -> Result<(Writer, usize), BackupError> {
    let (mut values, mut after) = (0, None::<String>);
    loop {
        let page = store.list(tag, KeyClass::Account, prefix, after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok((writer, values)) };
        (values, after) = (values + page.len(), Some(last.path().to_owned()));
        writer = blocking(to, move || {
            page.iter().try_for_each(|(key, found)| writer.record(key, found))?;
            Ok(writer)
        })
        .await?;
    }
}
