/*
 * The secrets in use: keys, tokens, passwords. Every error and log line passes cove__secrets_hide, whoever wrote what
 * is in it: a store that quotes the request, a library that quotes its settings.
 */
#ifndef COVE_BASE_SECRET_H
#define COVE_BASE_SECRET_H

#include "base/slice.h"

/* Remembers the beginning of `text`, up to a NUL, for as long as its owner, any address, has it. What is shorter than
 * 8 characters is not remembered: it might be any word. Nor is one for which there is no memory. */
void cove__secret_add(const void *owner, struct cove__slice text);
void cove__secret_add_owned(const char *text); /* its own owner, until cove__wipe; NULL accepted */
void cove__secret_drop(const void *owner);     /* all of this owner; wiped. cove__wipe(p) does so for `p` */
/* User and password of "scheme://user:password@host", also without a scheme; none: nothing. */
void cove__secret_add_userinfo(const void *owner, const char *url);

/* Puts *** in the place of each secret in `text`, also escaped (percent, JSON, XML) or cut short, of a password in any
 * URL, and of signatures and tokens of signed ones. */
void cove__secrets_hide(char *text);

void cove__secrets_before_fork(void);
void cove__secrets_after_fork(void); /* in both */

#endif
