use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::accounts::hashed;
use crate::{accounts, roll};

fn about() -> About {
    About {
        network: "City of Example".to_owned(),
        genesis: Digest([7; 32]),
        created_at: Timestamp::from_millis(1_777_622_400_250).unwrap(),
        height: Some(Height(42)),
    }
}

fn account(label: &str) -> StoreKey {
    let hash = hashed(label);
    let tag = accounts::tag(hash.chars().next().unwrap());
    StoreKey::new(tag, KeyClass::Account, format!("user:{hash}")).unwrap()
}

fn voter(election: u8, label: &str) -> StoreKey {
    let hash = hashed(label);
    let tag = roll::tag(ElectionId([election; 16]), hash.chars().next().unwrap());
    StoreKey::new(tag, KeyClass::Account, format!("voter:{hash}")).unwrap()
}

/// Keys in the order of a backup.
type Values = BTreeMap<(String, String), (StoreKey, Versioned)>;

fn values(keys: impl IntoIterator<Item = (StoreKey, Vec<u8>, u64)>) -> Values {
    let entry = |(key, value, version): (StoreKey, Vec<u8>, u64)| {
        ((key.tag().to_owned(), key.path().to_owned()), (key, Versioned { value, version }))
    };
    keys.into_iter().map(entry).collect()
}

fn written(folder: &Path, values: &Values) -> (PathBuf, Summary) {
    let path = folder.join("a.backup");
    let mut writer = Writer::begin(&path, &about()).unwrap();
    values.values().for_each(|(key, value)| writer.record(key, value).unwrap());
    let summary = writer.finish(true).unwrap();
    (path, summary)
}

fn few() -> Values {
    values([
        (account("ada"), b"Ada".to_vec(), 1),
        (account("bob"), vec![0, 255, 10], 7),
        (voter(1, "ada"), Vec::new(), 1),
        (voter(2, "ada"), b"two".to_vec(), 3),
        (voter(2, "bob"), b"two".to_vec(), 3),
    ])
}

fn read(bytes: &[u8]) -> Result<Summary, BackupError> {
    read_to_end(Reader::new(Path::new("a.backup"), bytes)?)
}

fn bytes_of_few() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::read(written(folder.path(), &few()).0).unwrap()
}

/// The error of a file that is wrong; it names the file and a line.
#[track_caller]
fn refused(bytes: &[u8]) -> String {
    let error = read(bytes).unwrap_err().to_string();
    assert!(error.starts_with("a.backup: ") && error.contains("line "), "{error}");
    error
}

/// A file with right numbers and checksum around these records.
fn sealed(records: &[Record]) -> Vec<u8> {
    let text = bytes_of_few();
    let mut bytes = text.split_inclusive(|byte| *byte == b'\n').next().unwrap().to_vec();
    records.iter().for_each(|record| bytes.extend(to_line(record).unwrap()));
    let sha256 = HEXLOWER.encode(&Sha256::digest(&bytes));
    bytes.extend(to_line(&Last { records: records.len() as u64, sha256 }).unwrap());
    bytes
}

fn record(key: &StoreKey) -> Record {
    Record { tag: key.tag().to_owned(), path: key.path().to_owned(), version: 1, value: BASE64.encode("x") }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_is_read(
        labels in prop::collection::vec((0u8..4, "[a-z]{1,6}", prop::collection::vec(any::<u8>(), 0..80), any::<u64>()), 0..60)
    ) {
        let key = |election: u8, label: &str| if election == 0 { account(label) } else { voter(election, label) };
        let values = values(labels.into_iter().map(|(election, label, value, version)| (key(election, &label), value, version)));
        let folder = tempfile::tempdir().unwrap();
        let (path, summary) = written(folder.path(), &values);
        let mut reader = Reader::open(&path).unwrap();
        let mut found = Vec::new();
        while let Some(record) = reader.next().unwrap() {
            found.push(record);
        }
        prop_assert_eq!(reader.about(), &about());
        prop_assert_eq!(found, values.into_values().collect::<Vec<_>>());
        prop_assert_eq!(reader.summary(), Some(&summary));
        prop_assert_eq!(summary.bytes, std::fs::metadata(&path).unwrap().len());
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_found_and_named() {
    let good = bytes_of_few();
    read(&good).unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            refused(&bad);
        }
        assert!(refused(&good[..at]).contains("the file ends after line"), "cut after {at} bytes");
    }
}

#[test]
fn lines_that_were_taken_out_doubled_exchanged_or_added_are_found() {
    let good = bytes_of_few();
    let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), 7);
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        refused(&without.concat());
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        refused(&doubled.concat());
        if at > 0 {
            let mut exchanged = lines.clone();
            exchanged.swap(at - 1, at);
            refused(&exchanged.concat());
        }
    }
    let added = refused(&[&good[..], b"\n"].concat());
    assert!(added.contains("line 8") && added.contains("ended"), "{added}");
}

#[test]
fn a_right_checksum_does_not_excuse_what_does_not_belong_there() {
    let (ada, bob) = (account("ada"), account("bob"));
    let (first, second) = if (ada.tag(), ada.path()) < (bob.tag(), bob.path()) { (ada, bob) } else { (bob, ada) };
    assert_eq!(read(&sealed(&[record(&first), record(&second)])).unwrap().accounts, 2);
    assert!(refused(&sealed(&[record(&first), record(&first)])).contains("line 3: "));
    assert!(refused(&sealed(&[record(&first), record(&first)])).contains("comes twice"));
    assert!(refused(&sealed(&[record(&second), record(&first)])).contains("comes later"));
    let foreign = |tag: &str, path: &str| Record { tag: tag.to_owned(), path: path.to_owned(), ..record(&first) };
    let hash = hashed("ada");
    let digit = &hash[..1];
    let roll = "roll:00000000000000000000000000000001";
    for (tag, path) in [
        (format!("session:{}", &hash[..32]), "family:x".to_owned()),
        (format!("access:{digit}"), hash.clone()),
        (format!("accounts:{digit}"), hash.clone()),
        (format!("accounts:{digit}"), format!("user:{}", hash.to_uppercase())),
        (format!("accounts:{digit}"), format!("user:{}", &hash[1..])),
        (format!("accounts:{digit}x"), format!("user:{hash}")),
        ("accounts:g".to_owned(), format!("user:{hash}")),
        (format!("{roll}:{digit}"), "count".to_owned()),
        (format!("roll:1:{digit}"), format!("voter:{hash}")),
        ("rolls".to_owned(), "election:00000000000000000000000000000001".to_owned()),
        ("{a}".to_owned(), String::new()),
    ] {
        let error = refused(&sealed(&[foreign(&tag, &path)]));
        assert!(error.contains("line 2") && error.contains("is not a key that a backup holds"), "{tag} {path}: {error}");
    }
    let mut odd = record(&first);
    odd.value = "=".to_owned();
    assert!(refused(&sealed(&[odd])).contains("base64"));
    let mut large = record(&first);
    large.value = BASE64.encode(vec![0; MAX_VALUE_BYTES + 1]);
    assert!(refused(&sealed(&[large])).contains("the most is"));
    let mut endless = sealed(&[]);
    endless.splice(endless.len().., vec![b' '; MAX_LINE_BYTES]);
    refused(&endless);
    let classes = String::from_utf8(sealed(&[record(&first)])).unwrap();
    assert!(refused(classes.replace("{\"tag\"", "{\"class\":\"ephemeral\",\"tag\"").as_bytes()).contains("class"));
}

#[test]
fn what_follows_from_the_lines_must_stand_in_the_last_one_and_in_one_way() {
    let good = String::from_utf8(bytes_of_few()).unwrap();
    let value = format!("\"value\":\"{}\"", BASE64.encode("two"));
    let changed = good.replacen(&value, &format!("\"value\":\"{}\"", BASE64.encode("too")), 1);
    assert_ne!(changed, good);
    assert!(matches!(read(changed.as_bytes()), Err(BackupError::Checksum { line: 7, .. })));
    let miscounted = good.replace("{\"records\":5", "{\"records\":6");
    assert!(refused(miscounted.as_bytes()).contains("it states 6 records, there are 5"));
    for (from, to) in
        [("{\"records\":5", "{\"records\": 5"), ("\"}\n", "\" }\n"), ("{\"records\":5", "{\"records\":5,\"records\":5")]
    {
        let at = good.rfind(from).unwrap();
        refused(format!("{}{to}{}", &good[..at], &good[at + from.len()..]).as_bytes());
    }
}

#[test]
fn other_files_and_other_versions_are_told_apart() {
    let good = String::from_utf8(bytes_of_few()).unwrap();
    assert!(matches!(read(b"{}\n"), Err(BackupError::NotABackup { .. })));
    assert!(matches!(read(&vec![b'x'; 2 * MAX_LINE_BYTES]), Err(BackupError::NotABackup { .. })));
    assert!(matches!(read(good.replace("voting-backup", "voting-bundle").as_bytes()), Err(BackupError::NotABackup { .. })));
    let newer = good.replace("\"version\":1,\"network\"", "\"version\":2,\"compressed\":true,\"network\"");
    assert!(matches!(read(newer.as_bytes()), Err(BackupError::Version { found: 2, .. })), "{newer}");
    assert!(matches!(read(b""), Err(BackupError::Truncated { line: 0, .. })));
    assert!(matches!(verify(Path::new("/nowhere/a.backup")), Err(BackupError::File { .. })));
}

#[test]
fn a_backup_is_its_owners_only_and_takes_no_other_files_place() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = written(folder.path(), &few());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let before = std::fs::read(&path).unwrap();
    let again = Writer::begin(&path, &about()).unwrap().finish(false);
    assert!(matches!(again, Err(BackupError::Exists { .. })), "{again:?}");
    drop(Writer::begin(&path, &about()).unwrap()); // one that is given up
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished is left behind");
}
