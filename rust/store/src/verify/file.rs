//! The file beneath the tables: pages, indexes and the schema.

use rusqlite::Connection;

use super::{Check, Finding, Stage, Stop};
use crate::schema::TABLES;

const SCHEMA: &str = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name";

type Part = (String, String, String);

fn schema(connection: &Connection) -> rusqlite::Result<Vec<Part>> {
    let mut select = connection.prepare(SCHEMA)?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

impl Check {
    /// Checks that the schema is ours and that indexes say what the tables say.
    pub(super) fn check_file(&mut self) -> Result<(), Stop> {
        self.check_schema()?;
        let said: String = self.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if said != "ok" {
            return Err(Finding::new("file", None, said).into());
        }
        self.stage = Stage::Done;
        Ok(())
    }

    /// A bookkeeper's view or index does no harm; a trigger would change what the writer writes.
    fn check_schema(&self) -> Result<(), Stop> {
        let fresh = Connection::open_in_memory()?;
        fresh.execute_batch(TABLES)?;
        let found = schema(&self.connection)?;
        if let Some((kind, name, _)) = schema(&fresh)?.iter().find(|part| !found.contains(part)) {
            return Err(Finding::new("file", None, format!("the {kind} '{name}' is gone or was changed")).into());
        }
        match found.iter().find(|(kind, ..)| kind == "trigger") {
            Some((_, name, _)) => Err(Finding::new("file", None, format!("a trigger '{name}' that is not the ledger's")).into()),
            None => Ok(()),
        }
    }
}
