//! The world on disk: RocksDB and the textdump format.
