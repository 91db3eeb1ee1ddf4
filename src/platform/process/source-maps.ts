/**
 * The first import of the entry point. Node has read the source maps of the service when this runs, because it loads all
 * ES modules before it runs one. The maps of CommonJS packages are not read: that would slow down the start. `run`
 * turns source maps on again.
 */
process.setSourceMapsEnabled(false)
