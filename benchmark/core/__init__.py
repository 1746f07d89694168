"""Modules that every other package uses: errors, types, images, files, tables and devices."""
