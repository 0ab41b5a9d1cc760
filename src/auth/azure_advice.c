/* Microsoft Entra ID's error codes that a user can do something about
 * (https://learn.microsoft.com/entra/identity-platform/reference-error-codes). See azure_chain.h. */
#include <string.h>

#include "auth/azure_chain.h"

const char *cove__azure_advice(const char *message)
{
    static const struct {
        const char *code, *text;
    } rows[] = {
        { "AADSTS7000215", "the client secret is wrong: set client_secret (AZURE_CLIENT_SECRET) to the secret's value, "
                           "not to its ID" },
        { "AADSTS7000222", "the client secret has expired: make a new one for the application" },
        { "AADSTS700016", "the tenant has no such application: check client_id (AZURE_CLIENT_ID) and tenant_id "
                          "(AZURE_TENANT_ID)" },
        { "AADSTS90002", "there is no such tenant: check tenant_id (AZURE_TENANT_ID), and authority_host for another "
                         "cloud" },
        { "AADSTS900023", "tenant_id (AZURE_TENANT_ID) is neither a tenant's ID nor its domain" },
        { "AADSTS700213", "no federated credential of the application fits the token's subject, issuer and audience: "
                          "add one to the application" },
        { "AADSTS70021", "no federated credential of the application fits the token's subject, issuer and audience: "
                         "add one to the application" },
        { "AADSTS700024", "the assertion's time is not now: check this machine's clock" },
        { "AADSTS700027", "the application does not know the certificate, or another key signed: upload the "
                          "certificate to the application" },
        { "AADSTS50034", "the tenant has no such user" },
        { "AADSTS50078", "log in again: run \"az login\"" },
        { "AADSTS50173", "log in again: run \"az login\"" },
        { "AADSTS70043", "log in again: run \"az login\"" },
        { "AADSTS700082", "log in again: run \"az login\"" },
        { "AADSTS500011", "the tenant does not know Azure Storage: check tenant_id (AZURE_TENANT_ID)" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *at = strstr(message, rows[i].code);
        char next = at ? at[strlen(rows[i].code)] : '0';
        if (next < '0' || next > '9') /* one code may begin like another */
            return rows[i].text;
    }
    return NULL;
}
