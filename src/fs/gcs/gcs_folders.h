/* What gcs.c's table needs of gcs_folders.c. */
#ifndef COVE_FS_GCS_FOLDERS_H
#define COVE_FS_GCS_FOLDERS_H

#include "fs/gcs/gcs.h"

extern const struct cove__object_directory_ops cove__gcs_directory_ops;
extern const struct cove__object_steps cove__gcs_rename_ops;      /* of a folder and its contents */
extern const struct cove__object_steps cove__gcs_remove_tree_ops; /* likewise */

#endif
