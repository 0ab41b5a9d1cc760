/* COVE_API marks what libcove exports; COVE_PRINTF lets the compiler check format strings. */
#ifndef COVE_EXPORT_H
#define COVE_EXPORT_H

#if defined(__GNUC__)
#define COVE_API               __attribute__((visibility("default")))
#define COVE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define COVE_API
#define COVE_PRINTF(fmt, args)
#endif

#endif
