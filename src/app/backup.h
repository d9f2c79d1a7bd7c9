/* backup.h — the verbs behind `tamis backup DIR`: a folder from which `tamis restore` makes a data
 * folder that opens.
 *
 *   DIR/manifest.json                     what is in it (manifest.h); written last, in one step
 *   DIR/control.db.<digest>               a copy of the control database
 *   DIR/visitors.db.<digest>              a copy of the diary of known visitors, when there is one
 *   DIR/keys/known-<site>.<digest>        the lasting keys of the sites in it
 *   DIR/journal/<segment>.seg.<digest>    the events of days that are not sealed
 *   DIR/sealed/…                          as in the data folder; hard links where that can be
 *   DIR/backup.lock                       one backup at a time
 *
 * hot/ is left out, a cache. The other keys are left out on purpose: a key must not outlive its day,
 * and in a backup it would.
 *
 * Why an event that was acknowledged before the backup began is in it exactly once. A moment is
 * taken in which
 *   - upkeep is locked out (upkeep.h): no part is recorded, shown, taken away or compacted, no byte
 *     of the journal is blanked, no segment released;
 *   - the store shows the parts of the record, since sealed_sync() has just been called, and a view
 *     of them is held: the files of all these parts stay until the view is closed;
 *   - the control database is locked, and in this order the journal is rotated, its closed segments
 *     are opened, and the database is copied.
 * Before the rotation's place S in the journal, so in the segments that were opened, stands every
 * event that was acknowledged, but those that were blanked or released. These were so because a
 * part held them; it was recorded before that, so it is in the copied record, and its files are in
 * the view. No event is lost. An event may stand in the opened segments and in a part as well: then
 * it lies before the part's `until`, which is never behind S, since no part was recorded meanwhile,
 * and the store passes over it as it always does (store_is_sealed). No event is doubled.
 * After the moment all goes on. The opened segments are copied from their descriptors: a redaction
 * replaces their names, not their bytes. Sealed files are never edited and held by the view.
 * The diary is copied after the rotation: it has all that was taken out of the journal by then, and
 * what it lacks of the rest is added as the journal is drained anew, which bears to be done again.
 * A site's events come after its record, an import's record of being done after its events; both
 * orders hold in the backup, since the database changes neither between rotation and copy.
 *
 * Of the segment that begins at S the header alone is copied. It says where the one before it ends
 * (segment.c), and its number keeps those of the restored journal growing: else new events could
 * lie before the `until` of a part.
 *
 * A crash at any moment leaves the previous backup whole. No file that a manifest speaks of is
 * overwritten: sealed files never change, the names of others have their digest. Files that the
 * new manifest does not have are removed after it is in place and durable, and not while a restore
 * reads them (backup_sweep.h). What is left of a backup that was broken off is used by the next one
 * when it verifies, else written anew. */
#ifndef TAMIS_APP_BACKUP_H
#define TAMIS_APP_BACKUP_H

#include "app.h"
#include "json.h"

/* args: dir (absolute), copy (bool: never link). Reply: id, files, bytes. Takes the place of a
 * backup whose client has gone. */
int verb_backup_begin(struct app *a, const json_t *args, struct span body, json_t **ret,
                      struct err *err) WARN_UNUSED;

/* args: id. Works for a moment. Reply: done (bool), files, bytes (so far); when done also copied,
 * copied_bytes, linked, kept, removed. After an error begin again. */
int verb_backup_step(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) WARN_UNUSED;

#endif
