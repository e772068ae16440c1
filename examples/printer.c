/* A printer that goes on printing while it warns of low toner.

   Two jobs of one device, each told from its beginning to its end: one prints
   page after page, the other looks after the toner. In a program of callbacks
   the two would be one state machine. Here they share a thread and a struct
   without a lock: a task loses the thread only where it waits. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <dure.h>

#define TONER_FULL 100
#define TONER_LOW 30
#define TONER_A_PAGE 10
#define PAGES 12

struct printer {
    int toner; /* per cent */
    int pages_done;
};

static int print_pages(void *arg)
{
    struct printer *printer = arg;

    while (printer->pages_done < PAGES) {
        if (printer->toner < TONER_A_PAGE) {
            puts("printing   out of toner: waiting for a cartridge");
            while (printer->toner < TONER_A_PAGE)
                if (dure_sleep_for(50 * DURE_MILLISECOND) < 0)
                    return -1;
        }
        if (dure_sleep_for(200 * DURE_MILLISECOND) < 0) /* the paper moves */
            return -1;
        printer->toner -= TONER_A_PAGE;
        printer->pages_done++;
        printf("printing   page %2d of %d, toner at %3d %%\n", printer->pages_done, PAGES,
               printer->toner);
    }
    return 0;
}

/* Somebody reads the warnings and comes with a cartridge after a second. */
static int warn_of_low_toner(void *arg)
{
    struct printer *printer = arg;

    for (;;) {
        while (printer->toner > TONER_LOW)
            if (dure_sleep_for(100 * DURE_MILLISECOND) < 0)
                return 0; /* the printing is done */
        for (int warning = 1; warning <= 4; warning++) {
            printf("   warning toner is low: %d %%\n", printer->toner);
            if (dure_sleep_for(250 * DURE_MILLISECOND) < 0)
                return 0;
        }
        printer->toner = TONER_FULL;
        puts("   warning thank you for the cartridge");
    }
}

static int run(void *arg)
{
    struct printer printer = { .toner = 60 };
    dure_scope watching;
    int result;

    (void)arg;
    /* The watch ends with the printing, whatever it is doing then. Both stay on this loop, or
       they could not share the printer. */
    dure_scope_open_with(&watching,
                         &(dure_scope_options){ .flags = DURE_KEEP_GOING | DURE_SAME_LOOP });
    dure_spawn(&watching, warn_of_low_toner, &printer, 0);
    result = print_pages(&printer);
    dure_scope_cancel(&watching);
    if (dure_scope_close(&watching) < 0 && errno != ECANCELED)
        return -1;
    printf("%d pages\n", printer.pages_done);
    return result;
}

int main(void)
{
    return dure_run(run, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
