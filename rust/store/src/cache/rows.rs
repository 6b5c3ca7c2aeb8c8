//! An entry as a row of the file, under a checksum: what was changed on the way, by a disk or by a hand, is no entry.

use rusqlite::{Connection, Row as SqlRow, params};
use tierkit_core::cache::entry::Record;
use tierkit_core::cache::row::Row;

use super::times::{Kept, Times};

/// All columns but the value.
const COLUMNS: &str = "seq, id, part, key, owner, tag, text, row, epoch, put_ns, put_wall_ns, expires_ns, expires_wall_ns,
  saved_nusd, value_bytes, value_sum, sum, praise";
/// Good reports that a file may claim; more would change nothing.
const MOST_PRAISE: u32 = 3;

/// What turns rows into entries and back.
#[derive(Debug)]
pub struct Rows {
    /// Keys the checksums: a row of another cache does not fit here.
    secret: [u8; 32],
    dim: usize,
}

/// A row as it was read.
struct Raw {
    record: Record,
    row: Option<Vec<u8>>,
    put: Kept,
    expires: Kept,
    value_sum: Vec<u8>,
    sum: Vec<u8>,
}

impl Rows {
    /// For a file with this secret and dimension.
    pub fn new(secret: [u8; 32], dim: usize) -> Self {
        Self { secret, dim }
    }

    fn sum(&self, bytes: &[u8]) -> [u8; 16] {
        let mut short = [0; 16];
        short.copy_from_slice(&blake3::keyed_hash(&self.secret, bytes).as_bytes()[..16]);
        short
    }

    /// The checksum of everything but the value and the praise; each field with its length, so that none can be shifted.
    fn sum_of(&self, raw: &Raw) -> [u8; 16] {
        let record = &raw.record;
        let mut bytes = Vec::with_capacity(256 + record.text.len());
        let numbers = [record.id.cast_signed(), record.saved_nusd, raw.put.epoch, raw.put.ns, raw.put.wall_ns];
        for number in numbers.iter().chain(&[raw.expires.ns, raw.expires.wall_ns]) {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend((record.value_bytes as u64).to_le_bytes());
        let texts = [record.owner.as_bytes(), record.tag.as_bytes(), record.text.as_bytes()];
        let row = raw.row.as_deref().unwrap_or_default();
        for field in texts.into_iter().chain([&record.namespace[..], &record.key, row, &raw.value_sum]) {
            bytes.extend((field.len() as u64).to_le_bytes());
            bytes.extend(field);
        }
        self.sum(&bytes)
    }

    /// Writes an entry under a number, in place of an older one of its id.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn write(&self, connection: &Connection, record: &Record, seq: i64, times: &Times) -> rusqlite::Result<()> {
        let value = record.value.as_deref().unwrap_or_default();
        let raw = Raw {
            row: record.row.as_ref().map(Row::to_bytes),
            put: times.keep(record.put_ns),
            expires: times.keep(record.expires_ns),
            value_sum: self.sum(value).to_vec(),
            sum: Vec::new(),
            record: record.clone(),
        };
        let id = record.id.cast_signed();
        connection.prepare_cached("DELETE FROM entry WHERE id = ?")?.execute([id])?;
        let sql = format!("INSERT INTO entry({COLUMNS}, value) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
        connection.prepare_cached(&sql)?.execute(params![
            seq,
            id,
            &record.namespace[..],
            &record.key[..],
            &*record.owner,
            &*record.tag,
            &*record.text,
            raw.row,
            raw.put.epoch,
            raw.put.ns,
            raw.put.wall_ns,
            raw.expires.ns,
            raw.expires.wall_ns,
            record.saved_nusd,
            i64::try_from(record.value_bytes).unwrap_or(i64::MAX),
            raw.value_sum,
            self.sum_of(&raw),
            record.praise,
            value,
        ])?;
        Ok(())
    }

    /// Reads entries above a number in order, at most `most`: `Err` holds the number of a row that is no entry.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn above(
        &self,
        connection: &Connection,
        seq: i64,
        most: usize,
        times: &Times,
    ) -> rusqlite::Result<Vec<Result<Record, i64>>> {
        let sql = format!("SELECT {COLUMNS} FROM entry WHERE seq > ? ORDER BY seq LIMIT ?");
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(params![seq, i64::try_from(most).unwrap_or(i64::MAX)])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            let raw = read(row);
            // A wrong type in a column is this row's fault alone.
            let raw = raw.ok().and_then(|raw| self.proved(raw, times));
            found.push(raw.ok_or(seq));
        }
        Ok(found)
    }

    /// Reads one entry with its value; None when it is not there any more, or no entry.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn whole(&self, connection: &Connection, seq: i64, times: &Times) -> rusqlite::Result<Option<Record>> {
        let sql = format!("SELECT {COLUMNS}, value FROM entry WHERE seq = ?");
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query([seq])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let value: Vec<u8> = row.get(18)?;
        let raw = read(row)?;
        if raw.value_sum != self.sum(&value) || raw.record.value_bytes != value.len() {
            return Ok(None);
        }
        Ok(self.proved(raw, times).map(|record| Record { value: Some(value.into()), ..record }))
    }

    fn proved(&self, raw: Raw, times: &Times) -> Option<Record> {
        let row = match &raw.row {
            Some(bytes) => Some(Row::from_bytes(bytes, self.dim)?),
            None => None,
        };
        (raw.sum == self.sum_of(&raw)).then(|| Record {
            row,
            put_ns: times.local(raw.put),
            expires_ns: times.local(raw.expires),
            ..raw.record
        })
    }
}

fn read(row: &SqlRow<'_>) -> rusqlite::Result<Raw> {
    let text = |at: usize| row.get::<_, String>(at).map(String::into_boxed_str);
    let epoch = row.get(8)?;
    let record = Record {
        seq: row.get(0)?,
        id: row.get::<_, i64>(1)?.cast_unsigned(),
        version: 0,
        namespace: row.get::<_, Vec<u8>>(2)?.into(),
        key: row.get::<_, Vec<u8>>(3)?.into(),
        owner: text(4)?,
        tag: text(5)?,
        text: text(6)?,
        row: None,
        put_ns: 0,
        expires_ns: 0,
        saved_nusd: row.get(13)?,
        praise: u32::try_from(row.get::<_, i64>(17)?).unwrap_or(0).min(MOST_PRAISE),
        value_bytes: usize::try_from(row.get::<_, i64>(14)?).unwrap_or(usize::MAX),
        value: None,
    };
    Ok(Raw {
        record,
        row: row.get(7)?,
        put: Kept { epoch, ns: row.get(9)?, wall_ns: row.get(10)? },
        expires: Kept { epoch, ns: row.get(11)?, wall_ns: row.get(12)? },
        value_sum: row.get(15)?,
        sum: row.get(16)?,
    })
}
