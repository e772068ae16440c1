/* The files that dure compare was asked to write. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd/compare/output.h"

FILE *output_open_or_say(const char *path)
{
    FILE *file = NULL;
    int fd;

    if (strcmp(path, "-") == 0)
        return stdout;
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0)
        file = fdopen(fd, "w");
    if (file == NULL)
        fprintf(stderr, "dure compare: cannot write %s: %s; name another file\n", path,
                strerror(errno));
    return file;
}

/* Pipes and terminals have nothing to take away. */
void output_begin(FILE *file)
{
    if (file != stdout && ftruncate(fileno(file), 0) < 0)
        clearerr(file);
}

int output_close_or_say(FILE *file, const char *path)
{
    int failed = ferror(file);

    if ((file == stdout ? fflush(file) : fclose(file)) == 0 && !failed)
        return 0;
    fprintf(stderr, "dure compare: %s is not complete: %s\n", path, strerror(errno));
    return -1;
}
