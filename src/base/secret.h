/*
 * The secrets in use: keys, tokens, passwords. Every error and log line passes through cove__secrets_hide, because
 * stores may quote the request and libraries their settings.
 */
#ifndef COVE_BASE_SECRET_H
#define COVE_BASE_SECRET_H

#include "base/slice.h"

/* Stores `text`, up to a NUL, until `owner` (any address, used as a key) drops it. Texts shorter than
 * 8 characters are ignored: they could be ordinary words. Without memory the text is ignored, too. */
void cove__secret_add(const void *owner, struct cove__slice text);
void cove__secret_add_owned(const char *text); /* `text` is the owner, until cove__wipe; NULL accepted */
void cove__secret_drop(const void *owner);     /* all of this owner; overwritten. cove__wipe(p) drops `p` */
void cove__wipe(char *secret); /* overwrites an owned secret, drops it from the list and frees it; NULL accepted */
/* Adds the user and password of "scheme://user:password@host", also without a scheme, if there are any. */
void cove__secret_add_userinfo(const void *owner, const char *url);
/* Of a URL that gives a right: adds what cannot be guessed of it, as other text may begin like the URL. That is the
 * value of the query's `parameter`; where the query has none, or `parameter` is NULL, it may be any value, or the last
 * segment of the path: all of them are added. */
void cove__secret_add_url(const void *owner, const char *url, const char *parameter);

/* Replaces with *** each secret in `text`, also escaped (percent, JSON, XML) or truncated, the user and password in any
 * URL, and the signatures, tokens and upload ids of URLs that give a right. */
void cove__secrets_hide(char *text);

void cove__secrets_before_fork(void);
void cove__secrets_after_fork(void); /* in parent and child */

#endif
