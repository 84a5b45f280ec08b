//! A row of a feed, as a value of expressions.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use crate::value::exact;

/// A row: its cells in the order of the columns.
#[derive(Debug)]
struct Row {
    columns: Arc<[String]>,
    cells: Box<[Value]>,
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let place = self
            .columns
            .iter()
            .position(|column| Some(column.as_str()) == key.as_str())?;
        self.cells
            .get(place)
            .cloned()
            .filter(|cell| !cell.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.columns
                .iter()
                .map(|column| Value::from(column.as_str()))
                .collect(),
        )
    }
}

/// Returns a row of these cells.
pub(super) fn row(columns: &Arc<[String]>, cells: Box<[Value]>) -> Value {
    let is_exact = cells.iter().any(exact::is_special);
    let columns = columns.clone();
    exact::keeping(Value::from_object(Row { columns, cells }), is_exact)
}
